"""A poller pays a 304 while nothing changed, and never gets one when something did."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.models import Customer, Store
from tests.api.conftest import Api

PATHS = ("", "/unread-count", "/{}")


def held(api: Api, name: str, path: str, etag: str) -> bool:
    """Whether the program is told that it has this already."""
    answer = api.get(name, path, headers={"If-None-Match": etag})
    if answer.status_code == 304:
        assert answer.data == b"" and answer.headers["ETag"] == etag.removeprefix("W/").split(", ")[-1]
        assert answer.headers["Cache-Control"] == "private, no-store" and answer.headers["Vary"] == "Authorization"
        assert "Content-Type" not in answer.headers
    return answer.status_code == 304


@pytest.mark.parametrize("path", PATHS)
def test_nothing_new_is_not_modified(either_api: Api, path: str) -> None:
    api = either_api
    path = path.format(api.begin("sam", "cleo"))
    first = api.get("cleo", path)
    etag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "private, no-store"
    assert held(api, "cleo", path, etag)
    assert held(api, "cleo", path, f"W/{etag}")
    assert held(api, "cleo", path, f'"other", {etag}')
    assert api.get("cleo", path, headers={"If-None-Match": "*"}).status_code == 304
    assert not held(api, "cleo", path, '"other"')


def change(api: Api, number: int) -> dict[str, Callable[[], object]]:
    """Everything that a conversation may show to Cleo otherwise than before."""
    attachment = api.get("cleo", f"/{number}").json["messages"][0]["attachments"][0]["id"]
    return {
        "a message": lambda: api.post("sam", f"/{number}/messages", json={"content": "More"}),
        "reading": lambda: api.put("cleo", f"/{number}/read"),
        "reading of others": lambda: api.put("sam", f"/{number}/read"),
        "the mail switch": lambda: api.put("cleo", f"/{number}/preferences", json={"email_notifications": False}),
        "a removed file": lambda: api.call("sam", "DELETE", f"/{number}/attachments/{attachment}"),
        "closing": lambda: api.post("sam", f"/{number}/close"),
        "reopening": lambda: api.post("sam", f"/{number}/reopen"),
        "the store's name": lambda: _rename(api, Store, api.cast.bakery),
        "the customer's name": lambda: _rename(api, Customer, api.cast.cleo.id),
    }


def test_whatever_changes_is_shown(either_api: Api) -> None:
    api = either_api
    form = {key: str(value) for key, value in api.beginning("sam", "cleo").items()}
    begun = api.post("sam", data=form | {"attachments": (io.BytesIO(b"words"), "a.txt")})
    number = begun.json["id"]
    for what, act in change(api, number).items():
        before = api.get("cleo", f"/{number}")
        assert held(api, "cleo", f"/{number}", before.headers["ETag"]), what
        act()
        after = api.get("cleo", f"/{number}", headers={"If-None-Match": before.headers["ETag"]})
        assert after.status_code == 200 and after.json != before.json, what


def test_list_and_count_show_what_changes(either_api: Api) -> None:
    api = either_api
    number = api.begin("sam", "cleo")
    acts = (
        lambda: api.post("sam", f"/{number}/messages", json={"content": "More"}),
        lambda: api.put("cleo", f"/{number}/read"),
        lambda: api.begin("sam", "cleo"),
    )
    for act in acts:
        tags = {path: api.get("cleo", path).headers["ETag"] for path in ("", "/unread-count")}
        act()
        for path, tag in tags.items():
            assert not held(api, "cleo", path, tag)


def test_what_one_program_holds_tells_another_nothing(api: Api) -> None:
    number = api.begin("sam", "cleo")
    etag = api.get("sam", f"/{number}").headers["ETag"]
    assert api.get("omar", f"/{number}", headers={"If-None-Match": etag}).status_code == 404
    assert api.get("omar", f"/{number}", headers={"If-None-Match": "*"}).status_code == 404
    assert not held(api, "nadia", f"/{number}", etag)  # her seat is another


def test_a_poll_that_learns_nothing_reads_no_messages(api: Api) -> None:
    number = api.begin("sam", "cleo")
    etag = api.get("cleo", f"/{number}").headers["ETag"]
    statements = api.statements(lambda: held(api, "cleo", f"/{number}", etag))
    assert len(statements) == 2 and not any("FROM messages" in statement for statement in statements)


def _rename(api: Api, model: type[Store] | type[Customer], number: int) -> None:
    with api.app.app_context(), writing(db.session) as session:
        session.get_one(model, number).name = "Somebody else"
