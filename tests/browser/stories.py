"""Conversations with a past, for pages that must look like life: long, old, read, unread, closed, in many scripts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select

from messaging_app.db.engine import now, writing
from messaging_app.demo import stories as demo
from messaging_app.extensions import db
from messaging_app.models import Conversation
from tests import cast


@dataclass(frozen=True)
class Story:
    """`lines` are (who, how long ago, what); `unread` how many of the last lines somebody has not read."""

    type: str
    subject: str
    lines: tuple[tuple[str, str, str], ...]
    customer: str | None = None
    store: str | None = None
    unread: dict[str, int] = field(default_factory=dict)


def tell(story: Story, people: cast.Cast) -> int:
    """Write `story` into the database; answers the id of its conversation."""
    told: dict[str, Any] = {"type": story.type, "subject": story.subject, "lines": story.lines, "unread": story.unread}
    told |= {"customer": story.customer} if story.customer else {"store": story.store or "bakery"}
    with writing(db.session) as session:
        demo.write(session.connection(), told, _by_nickname(people), now())
        return session.scalar(select(func.max(Conversation.id))) or 0


def long_thread(count: int = 300, unread: int = 0) -> Story:
    """Many messages between Sam and Cleo, over many days; the last `unread` are Sam's and new to Cleo."""
    lines = []
    for number in range(1, count + 1):
        who = "sam" if number % 2 or number > count - unread else "cleo"
        words = f"Message number {number}" + (", with a second line\nthat makes it taller." if number % 7 == 0 else ".")
        lines.append((who, f"{(count - number) * 97 + 5}m", words))
    return Story("store_customer", "A long exchange", tuple(lines), customer="cleo", unread={"cleo": unread})


MANY_SCRIPTS = Story(
    "store_customer",
    "הזמנה 42: عربي and English 🎂",
    (
        ("sam", "3d", "שלום Cleo, ההזמנה שלך מוכנה (42 €)!"),
        ("cleo", "3d", "شكراً جزيلاً! I come at 9:00."),
        ("nadia", "2d", "お待ちしております。👩‍🍳🏳️‍🌈"),
        (
            "cleo",
            "1d",
            "See https://bakery.example/a/very/long/address/that/goes/on?and=on&and=on#and-on, <b>not bold</b>",
        ),
        ("sam", "5h", "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2),
        ("sam", "5h", "One\n\nTwo\n    three"),
    ),
    customer="cleo",
    unread={"cleo": 2, "nadia": 2},
)
CLOSED = Story(
    "store_customer",
    "A blue umbrella",
    (
        ("cleo", "9d", "Did I leave my umbrella with you?"),
        ("sam", "8d", "You did, it waits for you."),
        ("close", "8d", "sam"),
        ("reopen", "7d", "nadia"),
        ("nadia", "7d", "It rains today…"),
        ("close", "6d", "nadia"),
    ),
    customer="cleo",
)
PLATFORM_AND_STORE = Story(
    "admin_store",
    "Invoices for November",
    (
        ("ada", "2d", "The invoices are ready for your signature."),
        ("sam", "1d", "Signed, thank you."),
        ("abe", "3h", "One more thing: the VAT number is missing."),
    ),
    store="bakery",
    unread={"sam": 1, "nadia": 3, "ada": 2},
)
PLATFORM_AND_CUSTOMER = Story(
    "admin_customer",
    "Your complaint",
    (("ada", "4d", "We looked into it."), ("cleo", "3d", "Thank you."), ("ada", "1h", "It is solved.")),
    customer="cleo",
    unread={"cleo": 1, "ada": 1},
)
EVERYDAY = (MANY_SCRIPTS, CLOSED, PLATFORM_AND_STORE, PLATFORM_AND_CUSTOMER)


def _by_nickname(people: cast.Cast) -> demo.Cast:
    def person(name: str) -> demo.Person:
        actor = getattr(people, name)
        return demo.Person(actor.id, actor.name)

    return demo.Cast(
        stores={"bakery": people.bakery, "cycles": people.cycles},
        admins={name: person(name) for name in ("ada", "abe")},
        staff={
            "bakery": {name: person(name) for name in ("sam", "nadia", "lea")},
            "cycles": {name: person(name) for name in ("tomas", "lea")},
        },
        customers={
            "cleo": ("bakery", person("cleo")),
            "omar": ("bakery", person("omar")),
            "jun": ("cycles", person("jun")),
        },
    )
