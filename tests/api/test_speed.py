"""What each endpoint asks of the database: one statement for the token, then the service's, whatever there is."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from tests.api.conftest import Api

READS = {
    "list": (3, lambda api, n: api.get("cleo")),
    "list with total": (4, lambda api, n: api.get("cleo", "?include_total=true")),
    "count": (2, lambda api, n: api.get("cleo", "/unread-count")),
    "recipients": (2, lambda api, n: api.get("sam", "/recipients")),
    "recipients by words": (2, lambda api, n: api.get("ada", "/recipients?recipient_type=customer&q=c")),
    "thread": (3, lambda api, n: api.get("cleo", f"/{n}")),
    "file": (2, lambda api, n: api.get("cleo", f"/{n}/attachments/1")),
    "no token": (0, lambda api, n: api.get(None, "/api/v1/store/messages")),
    "documentation": (0, lambda api, n: (api.get(None, "/api/v1/openapi.json"), api.get(None, "/api/v1/docs"))),
}
WRITES = {
    "create": (8, lambda api, n: api.post("sam", json=api.beginning("sam", "cleo"))),
    "send": (6, lambda api, n: api.post("cleo", f"/{n}/messages", json={"content": "x"})),
    "read": (3, lambda api, n: api.put("cleo", f"/{n}/read")),
    "preferences": (3, lambda api, n: api.put("cleo", f"/{n}/preferences", json={"email_notifications": True})),
    "close": (4, lambda api, n: api.post("sam", f"/{n}/close")),
    "remove": (6, lambda api, n: api.call("cleo", "DELETE", f"/{n}/attachments/1")),
}


@pytest.fixture
def number(either_api: Api) -> int:
    number = either_api.begin("sam", "cleo")
    form = {"content": "", "attachments": (io.BytesIO(b"words"), "a.txt")}
    assert either_api.post("cleo", f"/{number}/messages", data=form).status_code == 201
    for name in ("ada", "sam", "cleo"):
        either_api.get(name)  # notes the token's use
    return number


@pytest.mark.parametrize("what", READS)
def test_reading_costs_exactly(either_api: Api, number: int, what: str) -> None:
    cost, act = READS[what]
    statements = _count(either_api, lambda: act(either_api, number))
    assert len(statements) == cost, "\n\n".join(statements)


@pytest.mark.parametrize("what", WRITES)
def test_writing_costs_exactly(either_api: Api, number: int, what: str) -> None:
    cost, act = WRITES[what]
    statements = _count(either_api, lambda: act(either_api, number))
    assert len(statements) == cost, "\n\n".join(statements)


def test_a_longer_list_costs_no_more_statements(either_api: Api) -> None:
    for _ in range(30):
        either_api.begin("sam", "cleo")
    either_api.get("cleo")
    cursor = either_api.get("cleo", "?limit=25").json["next_cursor"]
    # The last page of a walk also looks whether something moved to the top meanwhile.
    for query, statements in (("?limit=100", 3), (f"?cursor={cursor}", 4)):
        assert len(_count(either_api, lambda query=query: either_api.get("cleo", query))) == statements


def _count(api: Api, act: Callable[[], object]) -> list[str]:
    return [statement for statement in api.statements(act) if not statement.startswith("SAVEPOINT")]
