"""What grows: the cost of each request at one size, to be held against the other size."""

from __future__ import annotations

import re
import tempfile
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from bench.people import INBOX
from bench.seed import PASSWORD
from bench.statements import Cost, Counter
from bench.world import SHORT, Size, length
from tests.conftest import TOKEN

MOST_GROWTH = 1.15
HTMX = {"HX-Request": "true"}


def costs(url: str, size: Size) -> dict[str, Cost]:
    """Cost by request: badge, first page, deep page, thread at start, middle and end, send."""
    with tempfile.TemporaryDirectory() as folder:
        counter = Counter(url, folder)
        try:
            return _costs(counter, size)
        finally:
            counter.close()


def _costs(counter: Counter, size: Size) -> dict[str, Cost]:
    client = counter.client()
    token = _sign_in(client)
    found: dict[str, Cost] = {}

    def note(name: str, path: str, marker: str, **options: object) -> TestResponse:
        for _warm in range(2):  # the first time fills caches of the database and of the application
            with counter.counting() as cost:
                answer = client.open(path, headers=HTMX, **options)  # type: ignore[arg-type]
        assert marker in answer.text, (name, answer.status, answer.text[:500])
        cost.size = len(answer.get_data())
        found[name] = cost
        return answer

    note("badge, changed", f"{INBOX}/unread-count?have=0", "data-unread-badge")
    note("badge, unchanged", f"{INBOX}/unread-count?have={2 * (size.mine // 20)}", "")
    first = note("inbox", INBOX, "conversation-list").text
    note("inbox, deep page", _deep(client, first, 399), "conversation__link")
    note("thread", f"{INBOX}/{size.long_id}", 'id="message-5000"')
    note("thread, middle", f"{INBOX}/{size.long_id}?before=2500", 'id="message-2499"')
    note("thread, start", f"{INBOX}/{size.long_id}?before=51", 'id="message-1"')
    # One with a customer, at either size: a conversation with the platform takes other statements.
    of_customers = client.get(f"{INBOX}?type=store_customer", headers=HTMX).text
    numbers = map(int, re.findall(r'id="conversation-(\d+)"', of_customers))
    number = next(number for number in numbers if length(size, number) == SHORT)
    form = {"csrf_token": token, "content": "Measured message", "after": str(SHORT)}
    note("send", f"{INBOX}/{number}/messages", "Measured message", method="POST", data=form)
    return found


def _deep(client: FlaskClient, first: str, pages: int) -> str:
    """The address of a page `pages` further down, or of the last full one; found by walking, as people do."""
    address, text = INBOX, first
    for _page in range(pages):
        link = re.search(r'id="more-conversations" href="([^"]+)"', text)
        if link is None:
            break
        parts = urlsplit(link.group(1))
        before, address = address, f"{parts.path}?{parts.query}"
        text = client.get(address, headers=HTMX).text
    return address if 'id="more-conversations"' in text else before


def _sign_in(client: FlaskClient) -> str:
    token = TOKEN.search(client.get("/store/login").text)
    form = {"csrf_token": token.group(1) if token else "", "email": "u1@mail.example", "password": PASSWORD}
    assert client.post("/store/login", data=form).status_code == 303
    found = TOKEN.search(client.get(INBOX).text)
    assert found is not None
    return found.group(1) or found.group(2).replace("&#34;", '"')


def grown(small: Cost, large: Cost) -> dict[str, float]:
    """Large against small, for each of the three counts."""
    return {field: getattr(large, field) / max(1, getattr(small, field)) for field in ("statements", "rows", "buffers")}
