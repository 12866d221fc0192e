"""What the cases with zip archives have in common: tickets, and an account export as a vendor packs it."""
import gzip
import zipfile

HEAD = "Id,Requester id,Status,Via,Created at\n"


def tickets(*ids):
    return HEAD + "".join(f"{i},1030,Open,Mail,2025-01-15 09:30\n" for i in ids)


def account_export(name, broken=""):
    """Tickets, other tables, and what a file manager leaves behind. `broken`: further rows of one member."""
    with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("users.csv", "Name,Mail\nAda,ada@example.com\n")
        archive.writestr("tickets/", "")
        archive.writestr("tickets/2026.csv", tickets(3, 4) + broken)
        archive.writestr("tickets/2025.csv", tickets(1, 2))
        archive.writestr("tickets/copy of 2025.csv", tickets(1, 2))
        archive.writestr("older.csv.gz", gzip.compress(tickets(5).encode(), mtime=0))
        archive.writestr("empty.csv", "")
        archive.writestr("logo.png", b"\x89PNG\r\n\x1a\n123")
        archive.writestr("attachments.zip", b"PK\3\4 and so on, and so on")
        archive.writestr("__MACOSX/tickets/._2026.csv", "x")
        archive.writestr(".DS_Store", "x")
