"""Programs of admins read the audit trail; nobody else's do."""

from __future__ import annotations

from messaging_app.services.settings import set_settings
from tests.api.conftest import Api

TRAIL = "/api/v1/admin/audit"


def change(api: Api, *values: int) -> None:
    with api.app.app_context():
        for value in values:
            set_settings(api.cast.ada, {"message_attachment_max_files": str(value)})


def test_the_trail_is_read_page_by_page_and_followed(api: Api) -> None:
    change(api, 1, 2, 3)
    first = api.get("ada", f"{TRAIL}?limit=2&action=setting.changed").get_json()
    assert [entry["after"]["value"] for entry in first["entries"]] == ["1", "2"]
    rest = api.get("ada", f"{TRAIL}?limit=2&action=setting.changed&after={first['next_cursor']}").get_json()
    assert [entry["after"]["value"] for entry in rest["entries"]] == ["3"] and rest["next_cursor"] is None
    (entry,) = rest["entries"]
    assert entry["actor"] == {"type": "admin", "name": "Ada", "email": "ada@mail.example"}
    assert entry["object"]["type"] == "setting" and len(entry["hash"]) == 64


def test_the_trail_is_filtered(api: Api) -> None:
    change(api, 1)
    for query, found in (
        ("person=ADA@mail.example", True),
        ("person=sam@mail.example", False),
        ("object=setting", True),
        ("object=setting:message_attachment_max_files", True),
        ("object=setting:other", False),
        ("object=store", False),
    ):
        entries = api.get("ada", f"{TRAIL}?action=setting.changed&{query}").get_json()["entries"]
        assert bool(entries) == found, query


def test_only_admins_read_it(api: Api) -> None:
    assert api.get("sam", TRAIL).status_code == 403
    assert api.get("cleo", TRAIL).status_code == 403
    assert api.get(None, TRAIL).status_code == 401
    for role in ("store", "storefront"):
        assert api.get("ada", f"/api/v1/{role}/audit").status_code == 404


def test_bad_queries_are_refused(api: Api) -> None:
    for query in ("after=0", "after=x", "limit=0", "limit=101", "limit=1e0", "object=%00", "unknown=1"):
        assert api.get("ada", f"{TRAIL}?{query}").status_code == 422, query
