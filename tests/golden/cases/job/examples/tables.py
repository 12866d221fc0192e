"""What the database holds, as far as two runs on two machines must agree."""
import json
import sqlite3
import sys

database = sqlite3.connect(sys.argv[1])
for table in ("conversations", "metadata", "updates", "rejects", "runs"):
    print(table, database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
QUESTIONS = [
    "SELECT * FROM conversations WHERE external_id = 'zendesk:48314'",
    "SELECT key, value, type FROM metadata WHERE external_id = 'zendesk:48314' ORDER BY key",
    "SELECT * FROM updates ORDER BY external_id",
    "SELECT source, line, code, found FROM rejects ORDER BY id",
    "SELECT id, read, conversations, updates, rejects FROM runs",
    "SELECT channel, sum(conversations) FROM volume_by_day GROUP BY 1 ORDER BY 1",
    "SELECT channel, answered, average FROM csat_by_channel ORDER BY 1",
]
for question in QUESTIONS:
    print(question)
    for row in database.execute(question):
        print("  " + json.dumps(row, ensure_ascii=False))
lines = [json.loads(line) for line in open("job/out/conversations.jsonl", encoding="utf-8")]
rows = {row[0]: row[1:] for row in database.execute("SELECT external_id, channel, status, started_at, csat_score FROM conversations")}
same = [(c["channel"], c.get("status"), c["started_at"], c.get("csat_score")) == rows[c["external_id"]] for c in lines]
print("as in the lines:", sum(same), "of", len(rows))
