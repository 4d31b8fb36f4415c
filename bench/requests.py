"""What is measured: the real pages' real fragments, as Petra's browser asks for them."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import create_engine, text

from bench.load import Request
from bench.servers import Visitor
from bench.world import STORE, Size

INBOX = "/store/messages"
HTMX = {"HX-Request": "true"}
MOST_STATEMENTS = {"badge": 2, "inbox": 3, "thread": 4, "send": 6}
MOST_BYTES = {"badge": 200, "inbox": 20_000, "thread": 40_000}  # before compression


def unread_of(size: Size) -> int:
    """What Petra's badge says."""
    return 2 * (size.mine // 20)


def requests_of(size: Size, visitor: Visitor) -> list[Request]:
    """Badge (changed and not), inbox, thread and send for somebody who is signed in."""
    signed = {"Cookie": visitor.cookie, **HTMX}
    count, poll = unread_of(size), f"{INBOX}/unread-count?have="
    sending = {**signed, "X-CSRFToken": visitor.token}
    return [
        Request("badge, changed", f"{poll}0", 200, f'data-have="{count}"', headers=signed, target=0.85),
        Request("badge, unchanged", f"{poll}{count}", 204, headers=signed, target=1.0),
        Request("inbox", INBOX, 200, 'id="more-conversations"', headers=signed, target=0.45),
        Request("thread", f"{INBOX}/{size.long_id}", 200, 'id="message-5000"', headers=signed, target=0.45),
        Request("send", INBOX, 200, "Measured message", "POST", sending, target=0.40),
    ]


def reference_of(base: str) -> Request:
    """The bare view's request, its session cookie included."""
    visitor = Visitor(base)
    visitor.fetch("/in")
    return Request("reference", "/", 200, "<p>Petra</p>", headers={"Cookie": visitor.cookie, **HTMX})


def write_targets(url: str, path: Path, count: int = 1_000) -> Path:
    """Open conversations of Petra's to send into, each with the last line that her page shows."""
    engine = create_engine(url)
    with engine.connect() as link:
        found = link.execute(
            text(
                "SELECT id, last_seq FROM conversations WHERE store_id = :store AND status = 'open' AND last_seq < 4000"
                " AND conversation_type = 'store_customer' ORDER BY last_message_at, id LIMIT :count"
            ),
            {"store": STORE, "count": count},
        ).all()
    engine.dispose()
    path.write_text("".join(f"{INBOX}/{number}/messages {seq}\n" for number, seq in found))
    return path
