#!/usr/bin/env python3
"""Writes the example exports in this folder.

One invented company, Fernweh Outfitters, answers its customers in three systems: tickets in Zendesk (San Francisco),
chats in ASAPP (New York), and a unified inbox of calls, texts and e-mail (Berlin). The exports are of the same months
and of overlapping people, and hold the troubles that such exports hold; README.md lists them.

    python3 generate.py            writes the files
    python3 generate.py --check    says whether the files here are what it would write

The output depends on nothing but this file and the zone rules of 2025: all chance comes from Random.random(), whose
sequence Python promises to keep. Python 3.11 or later.
"""

import copy
import csv
import io
import json
import random
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

HERE = Path(__file__).resolve().parent
UTC = timezone.utc
PACIFIC = ZoneInfo("America/Los_Angeles")
EASTERN = ZoneInfo("America/New_York")
BERLIN = ZoneInfo("Europe/Berlin")

FIRST_DAY = datetime(2025, 2, 20, 15, 0, tzinfo=UTC)
EXPORTED = datetime(2025, 11, 21, 17, 40, tzinfo=UTC)


def minutes(count):
    return timedelta(minutes=count)


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Dice:
    """Chance from Random.random() alone, so that a file stays the same under every Python."""

    def __init__(self, seed):
        self._random = random.Random(seed).random

    def below(self, end):
        return int(self._random() * end)

    def between(self, first, last):
        return first + self.below(last - first + 1)

    def chance(self, probability):
        return self._random() < probability

    def pick(self, items):
        return items[self.below(len(items))]

    def weighted(self, weights):
        """One key of a dict of weights."""
        at = self._random() * sum(weights.values())
        for item, weight in weights.items():
            at -= weight
            if at < 0:
                return item
        return item

    def shuffled(self, items):
        items = list(items)
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]
        return items

    def skewed(self, least, most):
        """A whole number, far more often near `least`: how durations are distributed."""
        share = self._random()
        return least + int((most - least) * share * share * share)

    def instant(self, first, last):
        return first + timedelta(seconds=self.below(int((last - first).total_seconds())))

    def bits(self, count):
        return sum(self.below(2) << bit for bit in range(count))

    def hex(self, digits):
        return f"{self.bits(digits * 4):0{digits}x}"

    def uuid(self):
        text = self.hex(32)
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{'89ab'[int(text[16], 16) % 4]}{text[17:20]}-{text[20:]}"

    def ulid(self, instant):
        value = int(instant.timestamp() * 1000) << 80 | self.bits(80)
        return "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[value >> shift & 31] for shift in range(125, -1, -5))


# --- people ----------------------------------------------------------------------------------------------------------


class Person:
    def __init__(self, dice, number, name, mailbox, organization=""):
        self.name = name
        self.email = mailbox
        self.organization = organization
        self.zendesk_id = str(10300555531549 + number * 48017 + dice.below(40000))
        self.external_id = f"C-{104200 + number * 7}"
        self.contact_id = dice.uuid()
        self.phone = f"+49302312{5000 + number:04d}" if number % 2 else f"+14155550{100 + number % 100:03d}"


# The first twelve are met in all three systems.
NAMED = [
    ("Amélie Dubois", "amelie.dubois@courriel.example", ""),
    ("Jürgen Groß", "j.gross@bergfreunde-nord.example", "Bergfreunde Nord e.V."),
    ("北川 さくら", "sakura.kitagawa@yama.example", ""),
    ("Siobhán O'Brien", "siobhan.obrien@galwaytrails.example", "Galway Trails"),
    ("Дмитрий Соколов", "d.sokolov@pochta.example", ""),
    ("Chioma Okafor", "chioma@okafor.example", ""),
    ("Łukasz Wiśniewski", "lukasz.w@tatry.example", "Tatry Guides"),
    ("Marisol Peña", "marisol.pena@correo.example", ""),
    ("Nguyễn Thị Hương", "huong.nguyen@thu.example", ""),
    ("Hans-Peter Übelacker", "hp.uebelacker@post.example", ""),
    ("Priscilla \"Cilla\" Hart", "cilla.hart@mailbox.example", ""),
    ("Rivera, Mateo", "mateo.rivera@summit-supply.example", "Summit Supply, Inc."),
    ("محمد العلي", "m.alali@bareed.example", ""),
    ("נועה לוי", "noa.levy@doar.example", ""),
    ("Ελένη Παπαδοπούλου", "eleni.p@tachydromeio.example", ""),
    ("김민준", "minjun.kim@uchetong.example", ""),
    ("अनिका शर्मा", "anika.sharma@daak.example", ""),
    ("สมชาย ใจดี", "somchai@praisani.example", ""),
    ("陈伟", "wei.chen@youjian.example", "Qinling Outdoor"),
    ("Ólafur Þór Jónsson", "olafur@postur.example", ""),
    ("Zoë van der Meer", "zoe.vandermeer@bericht.example", ""),
    ("Dvořáková Tereza", "tereza.dvorakova@posta.example", "Alpin Klub Brno"),
    ("Renée D’Angelo", "renee.dangelo@mailbox.example", ""),
    ("İpek Yılmaz", "ipek.yilmaz@posta.example", ""),
    ("Søren Kjærgaard", "soren.k@brev.example", ""),
    ("info@ridgeway-school.example", "info@ridgeway-school.example", "Ridgeway School"),
]
GIVEN = ("Aaron Beatriz Caleb Dana Elena Farid Grace Hiro Imani Jonas Kira Liam Maya Noor Omar Paula Quentin Rosa "
         "Samir Tessa Uma Victor Wendy Yara").split()
FAMILY = ("Abbott Becker Castillo Dalton Eriksen Fischer Garrido Hughes Ivanova Jansen Keller Lindqvist Moreno Novak "
          "Ortega Petersen Quinn Rossi Schmidt Tanaka Ueda Vargas Whitfield Young").split()


def make_people(dice):
    people = [Person(dice, n, *entry) for n, entry in enumerate(NAMED)]
    for n in range(len(NAMED), 150):
        given, family = dice.pick(GIVEN), dice.pick(FAMILY)
        mailbox = f"{given}.{family}{n}@{dice.pick(('mailbox', 'inbox', 'post', 'webmail'))}.example".lower()
        organization = dice.weighted({"": 14, "Cascade Climbing Gym": 1, "Summit Supply, Inc.": 1,
                                      'Trailhead "TH" GmbH': 1})
        people.append(Person(dice, n, f"{given} {family}", mailbox, organization))
    people[4].external_id = "0048213"  # text that only looks like a number
    return people


class Agent:
    def __init__(self, dice, name, asapp_id=None):
        self.name = name
        self.asapp_id = asapp_id
        self.user_id = dice.uuid()
        self.target_id = "agt_" + dice.ulid(datetime(2024, 1, 8, 9, 0, tzinfo=UTC) + minutes(dice.below(100000)))


def make_agents(dice):
    desk = [Agent(dice, name) for name in
            ("Priya Raman", "Colin McAllister", "Dolores Fuentes", "Wen-Hao Tsai", "Bridget Sørensen", "Tomás Arriaga")]
    chat = [Agent(dice, name, f"agent-{2041 + 13 * n}") for n, name in
            enumerate(("Kwame Boateng", "Leila Haddad", "Joanna Pritchard", "Miguel Ángel Soto", "Ruth Feldman"))]
    berlin = [Agent(dice, name) for name in ("Katja Lindner", "Mehmet Aydın", "Franziska Vogel", "Ole Petersen")]
    return desk, chat, berlin


# --- what people write about -----------------------------------------------------------------------------------------

PRODUCTS = ["Karwendel 45 backpack", "Watzmann down jacket", "Isar rain shell", "Zugspitze 2P tent", "Loden overshirt",
            "Brocken trail shoe", "Müritz dry bag", "Feldberg headlamp"]
AREAS = ["Packs", "Outerwear", "Tents", "Footwear", "Accessories"]
SUBJECTS = [
    "Where is my order {order}?", "Return label for order {order}", "{product}: zipper broke after two weeks",
    "Wrong size delivered, {product}", "Refund for order {order} not received", "Question about the {product}",
    "Change of delivery address, order {order}", "{product} out of stock?", "Warranty claim {product}",
    "Invoice for order {order}, please", "Discount code does not work", "Order {order} arrived damaged",
    "Re: Your order {order} has shipped", "Fwd: Re: {product}, exchange", "Cancel order {order}",
    "¿Dónde está mi pedido {order}?", "Frage zur Größe: {product}", "Remboursement de la commande {order}",
    "注文 {order} について", "Возврат заказа {order}", "Password reset mail never arrives",
]
ODD_SUBJECTS = [  # one ticket each
    'Strap of the "Karwendel 45", left side, is torn',
    'He said: ""never again""',
    "Delivery 🚚 still not here 😡",
    "Re: Re: Re: order, address, and invoice, all wrong",
    "Please call me back\nbefore Friday, after 3 pm",
    "Two problems:\r\n1) zipper, 2) hood",
    "=HYPERLINK does not open from the confirmation mail",
    "+49 number not accepted at checkout",
    "👩🏽‍🦽 access to the Berlin store",
    "  leading and trailing blanks  ",
    "\"Quoted from start to end\"",
    "Отзыв; refund; 返金",
    "Cafe\u0301 voucher (é written in two characters)",
    "-",
]


def order_number(dice):
    return f"{dice.between(31000, 989999):07d}"


def subject_line(dice):
    return dice.pick(SUBJECTS).format(order=order_number(dice), product=dice.pick(PRODUCTS))


# --- ASAPP: chats ----------------------------------------------------------------------------------------------------


class Chat:
    """A conversation that began in ASAPP. It may have become a Zendesk ticket, and been called back from Berlin."""

    def __init__(self, external_id, person, started):
        self.external_id = external_id
        self.person = person
        self.started = started
        self.inbox_id = None  # of the same conversation in the unified inbox
        self.agents = []


# Chats whose time matters: around the changes of the clock on the east and on the west coast.
CHATS_AT_THE_CHANGE = [
    "2025-03-09 06:58:12.031", "2025-03-09 07:00:00", "2025-03-09 07:21:45.5", "2025-03-09 09:59:30",
    "2025-03-09 10:00:05.25", "2025-11-02 05:31:07.120", "2025-11-02 06:31:07.120", "2025-11-02 06:59:59.999",
    "2025-11-02 08:34:20", "2025-11-02 09:20:11.4", "2025-11-02 09:33:20", "2025-11-02 10:02:41",
]


def make_chats(dice, people, agents):
    times = [utc(text) for text in CHATS_AT_THE_CHANGE]
    times += [dice.instant(FIRST_DAY, EXPORTED - timedelta(days=4)) for _ in range(146)]
    times = [t if t.microsecond else t.replace(microsecond=dice.below(1000) * 1000) for t in times]
    chats = [Chat(f"fw-chat-{70213 + 3 * n}", dice.pick(people[12:]), started)
             for n, started in enumerate(sorted(times))]
    # The twelve people whom all three systems know, each with one chat; two of them in the night of the change.
    shared = [chats[at] for at in (8, 21, 33, 48, 57, 71, 88, 102, 117)]
    shared += [chat for chat in chats if chat.started in (utc("2025-11-02 06:31:07.120"), utc("2025-11-02 09:20:11.4"))]
    shared.append(chats[-9])
    for chat, person in zip(shared, people):
        chat.person = person
        chat.inbox_id = dice.uuid()
    chats[60].external_id = 9007199254740995  # 2^53 + 3, written as a number by a careless sender
    for chat in chats:
        chat.agents = dice.shuffled(agents)[:dice.weighted({1: 7, 2: 2, 3: 1})]
    return chats, shared


def asapp_time(instant, spelling, nanos="000"):
    local = instant.astimezone(EASTERN)
    seconds = instant.strftime("%Y-%m-%dT%H:%M:%S")
    millis = f"{instant.microsecond // 1000:03d}"
    return {
        "z": f"{seconds}.{millis}Z",
        "no zone": f"{seconds}.{millis}",
        "no zone, seconds": seconds,
        "eastern": local.isoformat(timespec="milliseconds"),
        "eastern, seconds": local.isoformat(timespec="seconds"),
        "nine digits": f"{seconds}.{instant.microsecond:06d}{nanos}Z",
    }[spelling]


def asapp_spelling(dice):
    return dice.weighted({"z": 9, "no zone": 3, "no zone, seconds": 1, "eastern": 5, "eastern, seconds": 2,
                          "nine digits": 2})


def asapp_metadata(dice, chat):
    metadata = {"organizationalGroup": dice.weighted({"consumer": 6, "wholesale": 1}),
                "subdivision": dice.pick(("us-east", "us-west", "emea"))}
    platform = dice.weighted({"web": 8, "ios": 4, "android": 4, "applebiz": 1, "voice": 3, "sms": 2, "WEB": 1,
                              "VOICE": 1, "": 1})
    spoken = platform.lower() == "voice"
    if platform:
        metadata["platform"] = platform
    if dice.chance(0.15):
        metadata["channel"] = "phone" if spoken else "sms" if platform == "sms" else "chat"
    written = dice.pick(("orders-en", "returns-en", "billing-en", "orders-es"))
    metadata["queue"] = "voice-priority" if spoken else written
    return metadata


def chat_bodies(dice, chat):
    """The create-or-update bodies sent for one chat, as (moment sent, body)."""
    identifier = dice.ulid(chat.started)
    customer = {"externalId": chat.person.external_id, "name": chat.person.name}
    if dice.chance(0.2):
        del customer["name"]
    metadata = asapp_metadata(dice, chat)
    queue = metadata.pop("queue")
    bodies = []

    def send(delay, agent, extra):
        # The sender learns the id from the first answer.
        body = {"id": identifier} if bodies or dice.chance(0.5) else {}
        body["externalId"] = chat.external_id if not bodies else str(chat.external_id)
        if agent is not None:
            body["agent"] = {"externalId": agent.asapp_id, "name": agent.name}
        body["customer"] = customer
        body["metadata"] = extra
        stamp = chat.started
        if bodies and dice.chance(0.1):
            stamp += timedelta(seconds=delay)  # some senders put the time of the update
        body["timestamp"] = asapp_time(stamp, asapp_spelling(dice), f"{dice.below(1000):03d}")
        bodies.append((chat.started + timedelta(seconds=delay), body))

    delay = dice.below(3)
    if dice.chance(0.55):  # first the bare conversation, before an agent has it
        send(delay, None, dict(metadata))
        delay += dice.skewed(5, 600)
    metadata["queue"] = queue
    for agent in chat.agents:
        send(delay, agent, dict(metadata))
        delay += dice.skewed(60, 1500)
    if chat.inbox_id is not None:
        send(delay, chat.agents[-1], {"crmConversationId": chat.inbox_id})  # metadata added later
    elif dice.chance(0.25):
        send(delay, chat.agents[-1], {"language": dice.pick(("en", "es", "de", "ja"))})
    return bodies


def asapp_lines(dice, chats):
    sent = []
    for chat in chats:
        sent += chat_bodies(dice, chat)
    sent.sort(key=lambda item: (item[0], str(item[1]["externalId"])))
    bodies = [body for _, body in sent]

    bodies[140]["sentiment"] = "negative"  # a field that the description does not have
    read_back = {key: value for key, value in bodies[90].items() if key != "timestamp"}
    bodies.insert(210, read_back)  # what GET answers: no timestamp
    lines = [json.dumps(body, ensure_ascii=n % 11 == 3, separators=(",", ":")) for n, body in enumerate(bodies)]
    lines[250] = lines[250][:len(lines[250]) * 2 // 3]  # a line that was cut
    return "".join(line + "\n" for line in lines)


# --- Zendesk: tickets ------------------------------------------------------------------------------------------------

STANDARD = (
    "Summation column,Id,Requester,Requester id,Requester external id,Requester email,Requester domain,Submitter,"
    "Assignee,Group,Subject,Tags,Status,Priority,Via,Ticket type,Created at,Updated at,Assigned at,Organization,"
    "Due date,Initially assigned at,Solved at,Resolution time,Satisfaction Score,Group stations,Assignee stations,"
    "Reopens,Replies").split(",")
for measured in ("First reply", "First resolution", "Full resolution", "Agent wait", "Requester wait", "On hold"):
    STANDARD += [f"{measured} time in minutes", f"{measured} time in minutes within business hours"]
CUSTOM = ["Status [list]", "Product area [list]", "Needs callback [flag]", "Refund amount [dec]", "Order number [txt]",
          "Chat ID [txt]"]

VIA = {"Mail": 110, "Web Form": 24, "Web form": 8, "Closed Ticket": 10, "Web Service (API)": 9, "Web Widget": 8,
       "Phone call (incoming)": 22, "Phone call (outbound)": 6, "Voicemail": 7, "Text message": 10,
       "Native Messaging": 12, "Instagram DM": 7, "X DM": 3, "Help Center post": 4, "Ticket merge": 2,
       "Business rule": 2}
BUSINESS_DAY = (8, 18)  # Monday to Friday, Pacific time


def calendar_seconds(begin, end):
    return int((end - begin).total_seconds())


def business_seconds(begin, end):
    """Seconds of an interval that lie in the account's schedule."""
    total = timedelta()
    day = begin.astimezone(PACIFIC).date()
    while day <= end.astimezone(PACIFIC).date():
        if day.weekday() < 5:
            opens, closes = (datetime(day.year, day.month, day.day, hour, tzinfo=PACIFIC).astimezone(UTC)
                             for hour in BUSINESS_DAY)
            total += max(timedelta(), min(end, closes) - max(begin, opens))
        day += timedelta(days=1)
    return int(total.total_seconds())


MEASURES = (calendar_seconds, business_seconds)


class NotYet(Exception):
    """What would come next lies after the export."""


class Ticket:
    """A ticket as its history: stretches of one status each. Every duration in the export follows from it."""

    def __init__(self, person, created, via):
        self.person, self.created, self.via = person, created, via
        self.stretches = []  # (status, begin, end)
        self.status, self.updated = "New", created
        self.assigned, self.replies, self.solves = [], [], []
        self.agent = self.submitter = self.chat = None
        self.group = self.subject = ""

    def pass_time(self, count, then):
        """Stays in the status for `count` minutes, then changes it."""
        end = self.updated + minutes(count) + timedelta(seconds=(count * 37 + 11) % 60 if count else 0)
        if end > EXPORTED:
            raise NotYet
        self.stretches.append((self.status, self.updated, end))
        self.status, self.updated = then, end

    def as_of_first_solve(self):
        """The ticket just before it was solved for the first time."""
        earlier = copy.copy(self)
        earlier.stretches = [stretch for stretch in self.stretches if stretch[2] < self.solves[0]]
        earlier.updated = earlier.stretches[-1][2]
        earlier.status, earlier.solves = "Open", []
        earlier.assigned = [at for at in self.assigned if at <= earlier.updated]
        earlier.replies = [at for at in self.replies if at <= earlier.updated]
        return earlier

    def reopens(self):
        return max(0, len(self.solves) - 1)

    def agent_wait(self, measure):
        return sum(measure(begin, end) for status, begin, end in self.stretches if status == "Pending")

    def on_hold(self, measure):
        return sum(measure(begin, end) for status, begin, end in self.stretches if status == "Hold")

    def requester_wait(self, measure):
        """New and open; solved too when the ticket was reopened. Nothing after the last solve."""
        last = self.solves[-1] if self.solves else None
        return sum(measure(begin, end) for status, begin, end in self.stretches
                   if status in ("New", "Open") or (status == "Solved" and last is not None and end <= last))


CLOSING = (4 * 24 * 60 + 37, "Closed")  # an automation closes what has been solved for four days


def live(dice, ticket, goal, agents):
    """Writes a ticket's history, up to the status `goal`."""
    if goal == "New":
        return
    if ticket.via == "Internal Communication":
        ticket.assigned.append(ticket.created)
        ticket.pass_time(0, "Solved")
        ticket.solves.append(ticket.updated)
        ticket.pass_time(*CLOSING)
        return
    ticket.agent = dice.pick(agents) if ticket.agent is None else ticket.agent
    quick = ticket.via.startswith(("Phone", "Chat", "Native", "Text"))
    ticket.pass_time(dice.skewed(0, 12 if quick else 900), "Open")
    ticket.assigned.append(ticket.updated)
    if goal == "Open" and dice.chance(0.4):
        return
    ticket.pass_time(dice.skewed(1, 20 if quick else 1700), "Open")
    ticket.replies.append(ticket.updated)
    for _ in range(dice.weighted({0: 5, 1: 4, 2: 1})):
        ticket.pass_time(0, dice.weighted({"Pending": 4, "Hold": 1}))
        ticket.pass_time(dice.skewed(20, 7000), "Open")
        ticket.pass_time(dice.skewed(2, 1400), "Open")
        ticket.replies.append(ticket.updated)
    if dice.chance(0.2):
        ticket.assigned.append(ticket.updated)
    if goal in ("Open", "Pending", "Hold"):
        if goal != "Open":
            ticket.pass_time(dice.skewed(0, 200), goal)
        return
    ticket.pass_time(dice.skewed(0, 90), "Solved")
    ticket.solves.append(ticket.updated)
    if dice.chance(0.08):  # the customer comes back
        ticket.pass_time(dice.skewed(60, 4000), "Open")
        ticket.pass_time(dice.skewed(5, 900), "Solved")
        ticket.replies.append(ticket.updated)
        ticket.solves.append(ticket.updated)
    if goal == "Closed":
        ticket.pass_time(*CLOSING)


def zendesk_time(instant):
    return "" if instant is None else instant.astimezone(PACIFIC).strftime("%Y-%m-%d %H:%M")


def goal_for(dice, created):
    if created < EXPORTED - timedelta(days=25):
        return dice.weighted({"Closed": 60, "Hold": 2, "Pending": 2, "Open": 1})
    return dice.weighted({"Closed": 3, "Solved": 12, "Pending": 3, "Hold": 3, "Open": 4, "New": 4})


def satisfaction(dice, ticket):
    if not ticket.solves:
        return dice.weighted({"": 3, "Not Offered": 1})
    if ticket.created < utc("2025-08-01 00:00"):  # the account then changed from faces to five stars
        return dice.weighted({"Not Offered": 5, "Offered": 8, "Good": 5, "Bad": 1})
    return dice.weighted({"": 6, "Offered": 7, "5": 5, "4": 3, "3": 1, "2": 1, "1": 1})


def tags(dice, ticket):
    words = [dice.pick(("order", "return", "warranty", "sizing", "billing", "información_pedido", "größe", "vip"))]
    if dice.chance(0.4):
        words.append(dice.pick(("express", "eu", "us_west", "first_contact", "csat_survey_sent")))
    if ticket.via == "Ticket merge":
        words.insert(0, "closed_by_merge")
    return "" if dice.chance(0.12) else " ".join(words)


def history_cells(ticket):
    """The cells that follow from a ticket's history."""
    first = lambda moments: moments[0] if moments else None
    last = lambda moments: moments[-1] if moments else None
    solved = last(ticket.solves)
    durations = []
    for end in (first(ticket.replies), first(ticket.solves), solved):
        durations += ["" if end is None else measure(ticket.created, end) // 60 for measure in MEASURES]
    for wait in (ticket.agent_wait, ticket.requester_wait, ticket.on_hold):
        durations += [wait(measure) // 60 for measure in MEASURES]
    return {
        "Assignee": ticket.agent.name if ticket.assigned else "", "Status": ticket.status,
        "Created at": zendesk_time(ticket.created), "Updated at": zendesk_time(ticket.updated),
        "Assigned at": zendesk_time(last(ticket.assigned)),
        "Initially assigned at": zendesk_time(first(ticket.assigned)),
        "Solved at": zendesk_time(solved),
        "Resolution time": "" if solved is None else (calendar_seconds(ticket.created, solved) // 60 + 30) // 60,
        "Assignee stations": len(ticket.assigned), "Reopens": ticket.reopens(), "Replies": len(ticket.replies),
        **dict(zip(STANDARD[-12:], durations)),
    }


def ticket_row(dice, identifier, ticket):
    """The cells of a ticket, in the order of the header."""
    person = ticket.person
    cells = {
        "Id": identifier, "Requester": person.name, "Requester id": person.zendesk_id,
        "Requester external id": person.external_id if dice.chance(0.5) or ticket.chat else "",
        "Requester email": person.email, "Requester domain": person.email.split("@")[1],
        "Submitter": ticket.submitter or person.name, "Group": ticket.group, "Subject": ticket.subject,
        "Tags": tags(dice, ticket), "Via": ticket.via, "Organization": person.organization, "Group stations": 1,
        "Priority": dice.weighted({"Low": 3, "Normal": 12, "High": 3, "Urgent": 1, "-": 2, "": 4}),
        "Ticket type": dice.weighted({"Question": 6, "Incident": 3, "Problem": 1, "Task": 1, "-": 2, "": 3}),
        "Satisfaction Score": satisfaction(dice, ticket),
        "Status [list]": dice.weighted({"-": 12, "Waiting for warehouse": 2, "Waiting for supplier": 1,
                                        "Escalated, tier 2": 1}),
        "Product area [list]": dice.weighted({"-": 5, **{area: 2 for area in AREAS}}),
        "Needs callback [flag]": "Yes" if dice.chance(0.1) else "No",
        "Refund amount [dec]": f"{dice.between(900, 42000) / 100:.2f}" if dice.chance(0.12) else "",
        "Order number [txt]": order_number(dice) if dice.chance(0.6) else "",
        "Chat ID [txt]": ticket.chat.external_id if ticket.chat else "",
        **history_cells(ticket),
    }
    return {name: str(cells.get(name, "")) for name in STANDARD + CUSTOM}


# The nights of the clock changes. Skipped hour: 2025-03-09 10:00Z to 11:00Z is what a spreadsheet that knows only
# UTC-8 shows as 02:00 to 03:00. Repeated hour: 01:00 to 02:00 is 2025-11-02 08:00Z to 09:00Z, and again until 10:00Z.
SPRING = ["2025-03-09 09:12:40", "2025-03-09 09:58:59", "2025-03-09 10:00:00", "2025-03-09 10:05:31",
          "2025-03-09 10:17:08", "2025-03-09 10:30:00", "2025-03-09 10:47:52", "2025-03-09 11:01:15",
          "2025-03-09 15:20:00", "2025-03-10 02:44:10"]
RESAVED_AT_UTC_MINUS_8 = ("2025-03-09 10:05:31", "2025-03-09 10:17:08", "2025-03-09 10:30:00", "2025-03-09 10:47:52")
AUTUMN = ["2025-11-02 06:40:00", "2025-11-02 08:00:00", "2025-11-02 08:11:37", "2025-11-02 08:29:02",
          "2025-11-02 08:30:00", "2025-11-02 08:55:21", "2025-11-02 09:03:03", "2025-11-02 09:21:48",
          "2025-11-02 09:30:00", "2025-11-02 09:59:59", "2025-11-02 10:00:00", "2025-11-02 10:15:26",
          "2025-11-02 17:32:00"]
WRITTEN = ("Mail", "Web Form", "Web form")


def make_tickets(dice, people, chats, shared, desk):
    tickets = [Ticket(dice.pick(people), utc(text), dice.pick(WRITTEN)) for text in SPRING + AUTUMN]
    for _ in range(245):
        tickets.append(Ticket(dice.pick(people), dice.instant(FIRST_DAY, EXPORTED - minutes(30)), dice.weighted(VIA)))
    others = [chat for chat in dice.shuffled(chats) if chat not in shared and isinstance(chat.external_id, str)]
    for chat in shared + others[:26]:
        via = "Native Messaging" if dice.chance(0.3) else "Chat"
        ticket = Ticket(chat.person, chat.started + minutes(dice.between(4, 25)), via)
        ticket.chat, ticket.agent = chat, chat.agents[-1]
        tickets.append(ticket)
    for _ in range(7):  # an integration of this account: no word of Zendesk's own, solved the minute it is made
        made = dice.instant(FIRST_DAY, EXPORTED - timedelta(days=9))
        ticket = Ticket(dice.pick(people), made, "Internal Communication")
        ticket.agent = dice.pick(desk)
        ticket.submitter = ticket.agent.name
        tickets.append(ticket)
    tickets.sort(key=lambda ticket: ticket.created)
    name_subjects(dice, tickets, desk)
    for ticket in tickets:
        groups = ("Support Tier 1", "Support Tier 1", "Billing", "Returns & Warranty")
        ticket.group = "Chat" if ticket.chat else dice.pick(groups)
        try:
            live(dice, ticket, goal_for(dice, ticket.created), desk)
        except NotYet:
            pass  # the ticket stays as it was at the export
    return tickets


def name_subjects(dice, tickets, desk):
    written = [ticket for ticket in tickets if ticket.via in WRITTEN and ticket.created.second]
    odd = dict(zip(map(id, dice.shuffled(written)), ODD_SUBJECTS))
    for ticket in tickets:
        ticket.subject = odd.get(id(ticket)) or subject_line(dice)
        if ticket.via.startswith("Phone"):
            ticket.subject = f"Call with {ticket.person.name}"
            ticket.submitter = dice.pick(desk).name
        if ticket.chat is not None:
            ticket.subject = f"Conversation with {ticket.person.name}"


def cell(text):
    """RFC 4180: quoted only where it must be."""
    if any(mark in text for mark in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def zendesk_csv(dice, tickets):
    rows, identifier = [], 48209
    for ticket in tickets:
        identifier += dice.between(1, 9)
        rows.append(ticket_row(dice, identifier, ticket))
        if str(ticket.created)[:19] in RESAVED_AT_UTC_MINUS_8:
            rows[-1]["Created at"] = (ticket.created - timedelta(hours=8)).strftime("%Y-%m-%d %H:%M")
    trouble(tickets, rows)

    # The order of an export is promised to nobody. This one is by the last update, nearly.
    order = sorted(range(len(rows)), key=lambda at: (rows[at]["Updated at"], at * 7919 % 97))
    lines = [",".join(map(cell, STANDARD + CUSTOM))]
    for number, at in enumerate(order, 1):
        rows[at]["Summation column"] = str(number)
        lines.append(",".join(map(cell, rows[at].values())))
    damage(lines)
    return "".join(line + "\r\n" for line in lines)


def trouble(tickets, rows):
    """What later processing does to single cells."""
    unsolved = [row for row in rows if not row["Solved at"]]
    for row in unsolved[2:5]:
        row["Solved at"] = "1900-01-01 00:00:00"
    unassigned = [row for row in rows if not row["Assigned at"]]
    unassigned[0]["Assigned at"] = unassigned[0]["Initially assigned at"] = "1900-01-01 00:00:00"
    for row in (rows[67], rows[173]):  # a spreadsheet has seen long numbers: the digits are gone
        row["Id"] = row["Requester id"] = "1.03006E+13"
    gone = [row for row in rows if row["Via"] in ("Chat", "Native Messaging") and not row["Chat ID [txt]"]]
    for number, row in enumerate(gone[:3]):
        row["Chat ID [txt]"] = f"fw-chat-{61002 + 31 * number}"  # from before the first chat in the other export
    tasks = [row for row in rows if row["Ticket type"] == "Task"]
    for row in tasks[::2]:
        row["Due date"] = row["Created at"][:8] + "28 17:00"

    # One ticket twice, as in an export that was split while it changed: first as it was, then as it is.
    at = next(n for n, ticket in enumerate(tickets) if n > 200 and ticket.reopens() and ticket.status == "Closed")
    earlier = {name: str(value) for name, value in history_cells(tickets[at].as_of_first_solve()).items()}
    rows.append({**rows[at], **earlier, "Satisfaction Score": ""})


def damage(lines):
    """What breaks the form of single rows."""
    blank_score = next(n for n, line in enumerate(lines) if n > 120 and ",,1,1,0," in line and '"' not in line)
    lines[blank_score] = lines[blank_score].replace(",,1,1,0,", ",1,1,0,", 1)  # the blank score has gone
    at = next(n for n, line in enumerate(lines) if n > 60 and "Discount code does not work" in line and '"' not in line)
    lines[at] = lines[at].replace("Discount code does not work", 'Tent pole 27" too short', 1)  # a quote nobody doubled


# --- the unified inbox -----------------------------------------------------------------------------------------------

BODIES = {
    ("sms", "inbound"): ["Hallo, ist meine Bestellung {order} schon unterwegs?", "Danke! 👍", "Ja, bitte anrufen.",
                         "Can you call me after 5?", "ok", "Größe 42, nicht 43 🙏"],
    ("sms", "outbound"): ["Ihr Paket ist heute in Zustellung. Grüße, Fernweh", "Tracking: {order}",
                          "Hi, we have a new {product} for you. When may we call?", "Gern! Wir melden uns morgen."],
    ("email", "inbound"): ["Hello,\r\nthe zipper broke.\r\n> On Monday you wrote: \"send a photo\"\r\nHere it is.",
                           "Bonjour, je voudrais échanger ma veste ({product}). Merci d'avance !",
                           "Guten Tag,\n\nwo bleibt die Bestellung {order}?\n\nViele Grüße"],
    ("email", "outbound"): ["Guten Tag,\n\nanbei die Rechnung zur Bestellung {order}.\n\nMit freundlichen Grüßen",
                            "Please find the return label attached.",
                            "Merci pour votre message, nous revenons vers vous."],
    ("note", None): ["Kunde ruft Montag zurück", "VIP, see ticket history", "Lager: Karton beschädigt, Foto liegt ab",
                     "Refund ok per Katja"],
    ("appointment", "inbound"): ["Video fitting, 30 min"],
}
SUMMARIES = ["Customer asks about a late parcel; agent promised a call back.",
             "Größentausch vereinbart, Etikett per Mail.", "Damaged tent pole, replacement ordered.", ""]
UNANSWERED = {"inbound": ("no-answer", "voicemail"), "outbound": ("busy", "no-answer", "voicemail")}


def postgres_time(instant):
    """timestamptz as Postgres writes it into JSON in a session of the Berlin office: no zeros at the fraction's end."""
    local = instant.astimezone(BERLIN)
    fraction = f".{local.microsecond:06d}".rstrip("0").rstrip(".")
    offset = local.strftime("%z")
    return local.strftime("%Y-%m-%dT%H:%M:%S") + fraction + offset[:3] + ":" + offset[3:]


class Thread:
    """A conversation of the inbox with its activities, both as rows."""

    def __init__(self, identifier, org_id, person, created):
        self.row = {"id": identifier, "org_id": org_id, "contact_id": person.contact_id,
                    "contact": {"name": person.name, "email": person.email, "phone": person.phone}}
        self.created, self.last = created, created
        self.topic = None
        self.activities = []

    def finish(self, dice, agents):
        closed = dice.chance(0.5)
        self.row["subject"] = self.topic if dice.chance(0.7) else None
        self.row["status"] = dice.weighted({"closed": 3, "resolved": 2} if closed else
                                           {"open": 5, "snoozed": 1, "pending": 1, None: 1})
        self.row["assigned_to"] = None if dice.chance(0.25) else dice.pick(agents).user_id
        self.row["starred"] = dice.chance(0.1)
        self.row["archived"] = dice.chance(0.5) if closed else dice.chance(0.08)
        self.row["unread"] = not closed and dice.chance(0.3)
        self.row["last_activity_at"] = postgres_time(self.last)
        self.row["created_at"] = postgres_time(self.created)
        self.row["updated_at"] = postgres_time(self.last + timedelta(microseconds=dice.below(900000)))


def provider_id(dice, kind):
    if kind == "email":
        return f"<{dice.hex(12)}.{dice.hex(6)}@{dice.pick(('mail.fernweh.example', 'smtp.post.example'))}>"
    return {"sms": "SM", "call": "CA", "appointment": "cal_"}[kind] + dice.hex(32)


def activity(dice, thread, kind, direction, at, agents):
    """Adds one touchpoint. Keys and their order are those of the table; what a kind does not have is null."""
    row = {"id": dice.uuid(), "org_id": thread.row["org_id"], "conversation_id": thread.row["id"],
           "contact_id": thread.row["contact_id"], "type": kind, "direction": direction,
           "provider_message_id": None if kind == "note" else provider_id(dice, kind), "subject": None, "body": None,
           "status": {"outbound": "sent", "inbound": "received"}.get(direction),
           "user_id": None if direction == "inbound" else dice.pick(agents).user_id, "created_at": postgres_time(at)}
    if kind == "email":
        row["subject"] = f"Re: {thread.topic}" if thread.topic else subject_line(dice)
        thread.topic = thread.topic or row["subject"]
    if (kind, direction) in BODIES:
        text = dice.pick(BODIES[kind, direction])
        row["body"] = text.format(order=order_number(dice), product=dice.pick(PRODUCTS))
    if kind == "call":
        describe_call(dice, row, at, agents)
    thread.activities.append(row)
    thread.last = max(thread.last, at)
    return row


def describe_call(dice, row, at, agents):
    answered = dice.chance(0.8)
    duration = dice.skewed(20, 1900) if answered else 0
    row["status"] = "completed" if answered else dice.pick(UNANSWERED[row["direction"]])
    row["user_id"] = dice.pick(agents).user_id if answered or row["direction"] == "outbound" else None
    row["duration"] = duration
    row["started_at"], row["ended_at"] = postgres_time(at), postgres_time(at + timedelta(seconds=duration))
    recording = f"https://recordings.fernweh.example/{row['provider_message_id']}.mp3"
    row["recording_url"] = recording if answered else None
    row["ai_summary"] = dice.pick(SUMMARIES) if answered else None


def converse(dice, thread, agents, kinds=None):
    """Fills a thread with a plausible exchange."""
    at = thread.created + timedelta(microseconds=dice.between(1000, 40000))
    inbound = dice.chance(0.75)
    kind = dice.weighted(kinds or {"sms": 4, "email": 4, "call": 3})
    for _ in range(dice.weighted({1: 2, 2: 4, 3: 3, 4: 2, 6: 1})):
        activity(dice, thread, kind, "inbound" if inbound else "outbound", at, agents)
        at += timedelta(seconds=dice.skewed(40, 60 * 60 * 20), microseconds=dice.below(1000000))
        inbound = not inbound if dice.chance(0.8) else inbound
        if dice.chance(0.25):
            kind = dice.weighted({"sms": 3, "email": 2, "call": 3})
    if dice.chance(0.2):
        activity(dice, thread, "note", None, at, agents)


def add_suggestions(dice, threads, agents):
    """Drafts of the AI setter: rows like any reply, but nobody has sent them."""
    for number, thread in enumerate(threads[3:45:4]):
        at = thread.created + timedelta(seconds=dice.between(5, 50))
        row = activity(dice, thread, "sms", "outbound", at, agents)
        row["provider_message_id"] = row["user_id"] = None
        row["status"] = ("pending", "dismissed", "draft", "suggested")[number % 4]


def add_duplicates(dice, threads):
    """Webhooks are retried: the same message again, as another row. And one id that two organisations have each."""
    for thread in threads[2:50:5]:
        row = next((a for a in thread.activities if a["direction"] == "inbound" and a["provider_message_id"]), None)
        if row is not None:
            retried = timedelta(seconds=dice.between(5, 90), microseconds=31)
            received = datetime.fromisoformat(row["created_at"]) + retried
            thread.activities.append(dict(row, id=dice.uuid(), created_at=postgres_time(received)))
    rows = [row for thread in threads for row in thread.activities]
    emails = [row for row in rows if row["type"] == "email" and row["direction"] == "inbound"]
    other = next(row for row in emails if row["org_id"] != emails[0]["org_id"])
    other["provider_message_id"] = emails[0]["provider_message_id"]  # one mail that was sent to both


# Around the changes in Berlin: 2025-03-30 01:00Z and 2025-10-26 01:00Z.
BERLIN_CHANGES = ["2025-03-30 00:58:30.25", "2025-03-30 01:00:00", "2025-10-26 00:30:12.5", "2025-10-26 01:30:12.5"]


def make_threads(dice, people, shared, agents):
    vienna, berlin = dice.uuid(), dice.uuid()
    threads = []
    for chat in shared:  # called or written back, a day or two after the chat
        wait = timedelta(hours=dice.between(15, 50), seconds=dice.below(3600))
        thread = Thread(chat.inbox_id, berlin, chat.person, chat.started + wait)
        converse(dice, thread, agents, {"call": 2, "email": 1})
        threads.append(thread)
    times = [utc(text) for text in BERLIN_CHANGES]
    for _ in range(108):
        at = dice.instant(FIRST_DAY, EXPORTED - timedelta(days=3))
        times.append(at + timedelta(microseconds=dice.below(1000000)))
    for at in times:
        org = vienna if dice.chance(0.25) else berlin
        thread = Thread(dice.uuid(), org, dice.pick(people[12:]), at)
        converse(dice, thread, agents)
        threads.append(thread)
    threads.sort(key=lambda thread: thread.created)
    return threads


def inbox_files(dice, people, shared, agents):
    threads = make_threads(dice, people, shared, agents)
    ours = {chat.inbox_id for chat in shared}
    timeline = [thread for n, thread in enumerate(threads) if n % 3 or thread.row["id"] in ours]
    inline = [thread for thread in threads if thread not in timeline]
    special(dice, [thread for thread in timeline if thread.row["id"] not in ours], agents)
    add_suggestions(dice, timeline, agents)
    add_duplicates(dice, timeline)
    for thread in threads:
        thread.finish(dice, agents)
    # Exports overlap: a few conversations are in both files.
    known = [thread for thread in timeline[55:] if all(row["provider_message_id"] for row in thread.activities)]
    inline += known[:3]
    return pages(timeline_rows(timeline), 120), inline_conversations(inline)


def special(dice, threads, agents):
    """Conversations that are none with a customer, and appointments."""
    for thread in threads[18:23]:
        thread.activities, thread.topic, thread.last = [], None, thread.created
    for thread in threads[18:22]:  # only notes; the fifth was opened for a contact, and nothing happened yet
        for hour in range(2):
            activity(dice, thread, "note", None, thread.created + timedelta(hours=hour, microseconds=617), agents)
    for thread in threads[35:65:10]:
        activity(dice, thread, "appointment", "inbound", thread.last + timedelta(hours=3), agents)


def timeline_rows(threads):
    """Conversations and activities together, by time of creation, as one view of both tables gives them."""
    rows = []
    for number, thread in enumerate(threads):
        if number != 50:  # one whose own row lies on a page that was not exported
            rows.append((thread.created, 0, thread.row))
        rows += [(datetime.fromisoformat(row["created_at"]), 1, row) for row in thread.activities]
    rows.sort(key=lambda item: item[:2])
    return [row for _, _, row in rows]


def pages(rows, size):
    """Pages as the API answers them, one after the other in one file. A row stands on a line for the reader's sake."""
    text = ""
    for first in range(0, len(rows), size):
        page = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows[first:first + size]]
        text += '{"data":[\n' + ",\n".join(page) + f'\n],"total":{len(rows)}}}\n'
    return text


def inline_conversations(threads):
    """Conversations that carry their messages, as one array; a line each for the reader's sake."""
    rows = [json.dumps(dict(thread.row, messages=thread.activities), ensure_ascii=False, separators=(",", ":"))
            for thread in threads]
    return "[\n" + ",\n".join(rows) + "\n]\n"


# --- all of it -------------------------------------------------------------------------------------------------------


def agent_table(desk, chat, berlin):
    """A table of who is who, for merging: the same person under the target's id."""
    lines = ["platform,source_id,target_id"]
    lines += [f"zendesk,{cell(agent.name)},{agent.target_id}" for agent in desk + chat]
    lines += [f"asapp,{agent.asapp_id},{agent.target_id}" for agent in chat]
    lines += [f"unified-inbox,{agent.user_id},{agent.target_id}" for agent in berlin]
    return "".join(line + "\n" for line in lines)


COMMENTS = ["", "", "", "quick and friendly", "Danke, alles gut!", "took three days, but solved", "\"not my problem\" is no answer"]


def survey_csv(dice, tickets_csv):
    """What came back to the survey that was sent after tickets were solved: only for tickets with an offered rating, one
    of them answered twice (the later answer stands), and three for tickets that the export does not have."""
    offered = [row["Id"] for row in csv.DictReader(io.StringIO(tickets_csv))
               if row["Satisfaction Score"] == "Offered" and row["Id"].isdigit()]
    answered = sorted(dice.shuffled(offered)[:34], key=int)
    rows = [(ticket, dice.weighted({1: 2, 2: 1, 3: 3, 4: 6, 5: 9})) for ticket in answered]
    rows += [(answered[7], 2), (str(int(answered[0]) - 9001), 5), (str(int(answered[0]) - 9004), 4), (str(int(answered[-1]) + 9002), 1)]
    lines = ["Id,Satisfaction Score,Satisfaction comment"]
    lines += [f"{ticket},{score},{cell(dice.pick(COMMENTS))}" for ticket, score in rows]
    return "".join(line + "\n" for line in lines)


def generate():
    dice = Dice("Fernweh Outfitters")
    people = make_people(dice)
    desk, chat_agents, berlin = make_agents(dice)
    chats, shared = make_chats(dice, people, chat_agents)
    tickets = make_tickets(dice, people, chats, shared, desk)
    activities, conversations = inbox_files(dice, people, shared, berlin)
    tickets_csv = zendesk_csv(dice, tickets)
    return {
        "zendesk/tickets.csv": tickets_csv,
        "asapp/conversations.jsonl": asapp_lines(dice, chats),
        "unified-inbox/activities.json": activities,
        "unified-inbox/conversations.json": conversations,
        "ids/agents.csv": agent_table(desk, chat_agents, berlin),
        "survey/answers.csv": survey_csv(Dice("survey"), tickets_csv),
    }


def main(arguments):
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    differing = 0
    for name, text in generate().items():
        path, data = HERE / name, text.encode()
        if arguments:
            same = path.is_file() and path.read_bytes() == data
            differing += not same
            print(f"{'same' if same else 'DIFFERS'}  {name}")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            print(f"{len(data):8}  {name}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
