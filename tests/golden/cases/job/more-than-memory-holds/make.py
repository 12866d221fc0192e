"""Updates of 4,000 chats, ten each, in no order; a metadata text that does not compress away."""
import hashlib
import json

with open("chats.jsonl", "w") as out:
    for i in range(40000):
        chat = i * 7919 % 4000
        record = {"externalId": f"c{chat:05}", "timestamp": f"2025-01-{1 + chat % 28:02}T{i % 24:02}:00:00Z",
                  "metadata": {f"k{i % 3}": "".join(hashlib.sha256(f"{i}-{n}".encode()).hexdigest() for n in range(6))}}
        out.write(json.dumps(record) + "\n")
