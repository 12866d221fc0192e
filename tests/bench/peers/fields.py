"""What the works mean, once for all peers: which columns stand where, and which words mean what."""

ZONE = "America/Los_Angeles"  # the account's: Pacific Time (US & Canada)

CHANNELS = {
    "Mail": "email",
    "Web Form": "email",
    "Chat": "chat",
    "Native Messaging": "chat",
    "Phone call (incoming)": "phone",
    "Web Service (API)": "back_office",
}
SCORES = {"Good": 5, "Bad": 1}
NO_SCORES = ("Offered", "Not Offered", "Unoffered", "-")
RESOLVED = ("Solved", "Closed")

SIX_COLUMNS = ["Requester email", "Priority", "Tags", "Organization", "Ticket type", "Updated at"]
NOT_CARRIED = {
    "Summation column", "Id", "Requester id", "Assignee", "Group", "Subject", "Status", "Via", "Created at", "Solved at",
    "Satisfaction Score", "First reply time in minutes", "Requester wait time in minutes",
}

PLATFORMS = {"web": "chat", "android": "chat", "ios": "chat", "sms": "sms", "voice": "phone", "email": "email"}
ASAPP_METADATA = ["organizationalGroup", "subdivision", "language"]

TOUCH_CHANNELS = {"sms": "sms", "email": "email", "call": "phone"}


def columns(path):
    """The names in the header of a CSV file; none of ours has a quote in it."""
    with open(path, encoding="utf-8") as file:
        return file.readline().rstrip("\r\n").split(",")


def carried(work, path):
    """The columns that stand in metadata."""
    if work == "zendesk":
        return SIX_COLUMNS
    return [name for name in columns(path) if name not in NOT_CARRIED]
