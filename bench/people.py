"""Who asks for what: two hundred people, each on the staff of a store of their own, and the requests of their browsers."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Row, create_engine, text

from bench.load import Request
from bench.servers import Visitor
from messaging_app.db.types import UtcDateTime
from messaging_app.queries.cursors import Place, Walk
from messaging_app.services.inboxes import PAGE

INBOX = "/store/messages"
EACH = 5  # threads of a person's, and pages of the inbox
STORES = range(2, 202)
OTHERS = range(202, 222)  # users for the warm-up only, so that first visits are really first
WORDS = ", about as long as what people write in a chat: a line or two."

CONVERSATIONS = text(
    "SELECT store_id, id, status, conversation_type, last_seq, last_message_at FROM conversations"
    " WHERE store_id BETWEEN :first AND :last ORDER BY store_id, last_message_at DESC, id DESC"
).columns(last_message_at=UtcDateTime)
UNREAD = text(
    "SELECT store_id, sum(unread_count) FROM conversation_participants WHERE participant_type = 'store'"
    " AND participant_id = 2 * store_id - 1 AND store_id BETWEEN :first AND :last GROUP BY store_id"
)


@dataclass(frozen=True)
class Scenario:
    """A kind of request. `batch(count)` sends `count` of them; `target` is the ratio to the reference's CPU time."""

    name: str
    target: float | None
    batch: Callable[[int], list[Request]]


class People:
    """Sign in the owners of `stores` and collect the URLs of their pages."""

    def __init__(self, url: str, base: str, stores: range = STORES) -> None:
        self.chance = random.Random(1)
        self.visitors = {store: Visitor(base).sign_in(email=f"u{2 * store - 1}@mail.example") for store in stores}
        self.cookies = {store: visitor.cookie for store, visitor in self.visitors.items()}
        self.threads, self.pages, self.targets = list[Request](), list[Request](), dict[int, tuple[int, int]]()
        engine = create_engine(url)
        with engine.connect() as link:
            span = {"first": stores[0], "last": stores[-1]}
            self.unread: dict[int, int] = {store: int(count) for store, count in link.execute(UNREAD, span)}
            for store, rows in groupby(link.execute(CONVERSATIONS, span), key=lambda row: row.store_id):
                self._note(store, list(rows))
        engine.dispose()
        self.again = self.threads[0], self.pages[0]
        self.chance.shuffle(self.threads)
        self.chance.shuffle(self.pages)

    def _note(self, store: int, rows: list[Row[Any]]) -> None:
        cookie, opened = self.cookies[store], [row for row in rows if row.status == "open"]
        long = [row for row in rows if row.last_seq == 50][:EACH]
        self.threads += [Request(f"{INBOX}/{row.id}", cookie, f'id="message-{row.last_seq}"') for row in long]
        for query, listed, pages in (("?", opened, 2), ("?status=all&", rows, EACH - 2)):
            for start in range(0, pages * PAGE, PAGE):
                before = listed[start - 1]
                place = f"cursor={Walk(Place(before.last_message_at, before.id), None).encoded()}" if start else ""
                marker = f'id="conversation-{listed[start].id}"'
                self.pages.append(Request((INBOX + query + place).rstrip("?&"), cookie, marker))
        number, seq = next((row.id, row.last_seq) for row in opened if row.conversation_type == "store_customer")
        self.targets[store] = number, seq

    def scenarios(self) -> list[Scenario]:
        """Return the scenarios. A first visit is a page that was never requested since the server started."""
        thread, page = self.again
        return [
            Scenario("badge", 0.80, lambda count: self._badges(count, changed=True)),
            Scenario("badge, unchanged", 1.0, lambda count: self._badges(count, changed=False)),
            Scenario("inbox", 0.35, lambda count: _taken(self.pages, count)),
            Scenario("inbox, again", 0.35, lambda count: [page] * count),
            Scenario("thread", 0.33, lambda count: _taken(self.threads, count)),
            Scenario("thread, again", 0.33, lambda count: [thread] * count),
            Scenario("send", 0.30, self._sends),
        ]

    def _badges(self, count: int, changed: bool) -> list[Request]:
        status, poll = 200 if changed else 204, f"{INBOX}/unread-count?have="
        asked = self.chance.choices(list(self.cookies.items()), k=count)
        return [
            Request(f"{poll}{0 if changed else self.unread[store]}", cookie, "data-unread-badge" if changed else "", status)
            for store, cookie in asked
        ]  # fmt: skip

    def _sends(self, count: int) -> list[Request]:
        """One into each conversation in turn, each from a page that shows the line before it."""
        sends = []
        for store in list(self.targets)[:count]:
            number, seq = self.targets.pop(store)
            self.targets[store] = number, seq + 1  # last in the order now
            key = secrets.token_hex(16)
            form = {"csrf_token": self.visitors[store].token, "after": str(seq), "idempotency_key": key}
            form["content"] = f"Measured message {key}{WORDS}"
            sends.append(Request(f"{INBOX}/{number}/messages", self.cookies[store], key, form=form))
        return sends


def _taken(requests: list[Request], count: int) -> list[Request]:
    """Return the next `count` items, each only once."""
    taken, requests[:count] = requests[:count], []
    return taken
