import json
with open("chats.jsonl", "w") as out:
    for i in range(3000):
        out.write(json.dumps({"externalId": f"c{i:06}", "timestamp": "2025-01-01T10:00:00Z"}) + "\n")
