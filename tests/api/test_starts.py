"""Customers begin conversations only where platform and store let them, about what is theirs, and so many a day."""

from __future__ import annotations

from typing import Any

import pytest

from messaging_app.extensions import db
from messaging_app.models import Store
from messaging_app.services.settings import set_settings
from tests.api.conftest import Api, faults_of, problem_of
from tests.api.test_contexts import NAME, put

MODES = ("never", "about_order", "always")


def allow(api: Api, platform: str, store: str = "always", **settings: str) -> None:
    with api.app.app_context():
        set_settings(None, {"customers_may_start": platform} | settings)
        db.session.get_one(Store, api.cast.bakery).customers_may_start = store
        db.session.commit()


def ask(api: Api, who: str = "cleo", **fields: Any) -> Any:
    body = {"conversation_type": "store_customer", "recipient_type": "store", "recipient_id": api.cast.bakery}
    headers = fields.pop("headers", {})
    return api.post(who, json=body | {"subject": "My order", "content": "Where is it?"} | fields, headers=headers)


@pytest.mark.parametrize("platform", MODES)
@pytest.mark.parametrize("store", MODES)
def test_the_stricter_of_platform_and_store_wins(api: Api, platform: str, store: str) -> None:
    allow(api, platform, store)
    put(api)
    strictest = min(platform, store, key=MODES.index)
    about, bare = ask(api, context=NAME), ask(api)
    if strictest == "never":
        problem_of(about, 403, "not_allowed")
        problem_of(bare, 403, "not_allowed")
        return
    assert about.status_code == 201
    if strictest == "about_order":
        assert faults_of(bare, 422, "context_required") == {("context", "context_required")}
    else:
        assert bare.status_code == 201


def test_a_store_hears_its_customer_and_nobody_else_does(either_api: Api) -> None:
    api = either_api
    allow(api, "always")
    put(api)
    made = ask(api, context=NAME)
    assert made.status_code == 201 and made.json["context"]["reference"] == "4711"
    assert made.headers["Location"].endswith(f"/storefront/messages/{made.json['id']}")
    number = made.json["id"]
    heard = api.get("sam", f"/{number}").json
    assert (heard["unread_count"], heard["waiting"], heard["counterpart"]["name"]) == (1, "us", "Cleo")
    for other in ("omar", "ada", "tomas"):
        problem_of(api.get(other, f"/{number}"), 404, "not_found")
    again = ask(api, context=NAME, content="Are you there?")
    assert (again.status_code, again.json["id"], again.json["last_seq"]) == (200, number, 1)


def test_only_what_the_shop_stated_of_oneself_can_be_named(api: Api) -> None:
    allow(api, "always")
    put(api)
    for who, name in (
        ("omar", NAME),
        ("cleo", NAME | {"reference": "4712"}),
        ("cleo", NAME | {"kind": "return"}),
        ("cleo", NAME | {"kind": "nonsense"}),
    ):
        problem_of(ask(api, who, context=name), 404, "not_found")
    assert faults_of(ask(api, recipient_id=api.cast.cycles)) == {("recipient_id", "unknown_recipient")}
    problem_of(ask(api, conversation_type="admin_customer"), 403, "not_allowed")


def test_a_day_has_so_many_starts_and_repeats_do_not_count(either_api: Api) -> None:
    api = either_api
    allow(api, "always", customer_starts_per_day="2")
    put(api)
    assert ask(api, context=NAME).status_code == 201
    assert ask(api, context=NAME).status_code == 200, "the open one"
    keyed = {"Idempotency-Key": "second"}
    second = ask(api, headers=keyed)
    assert second.status_code == 201
    refused = ask(api)
    problem_of(refused, 429, "rate_limited")
    assert 0 < int(refused.headers["Retry-After"]) <= 86_401
    assert ask(api, headers=keyed).json["id"] == second.json["id"], "what has begun is found again"
    assert ask(api, context=NAME).status_code == 200
    assert api.post("cleo", f"/{second.json['id']}/messages", json={"content": "And?"}).status_code == 201
    assert ask(api, "omar").status_code == 201, "each has a day of their own"


MATTERS = {  # whose is what: by store and name, with two stores' orders of one number
    ("bakery", "order", "4711"): "cleo",
    ("bakery", "order", "4712"): "omar",
    ("bakery", "return", "4711"): "omar",
    ("cycles", "order", "4711"): "jun",
    ("cycles", "order", "88"): "jun",
}


@pytest.mark.parametrize("who", ["cleo", "omar", "jun"])
def test_everybody_begins_only_about_their_own_with_their_own_store(either_api: Api, who: str) -> None:
    """Customer × context × store: whatever else is named is as if it were not there."""
    api = either_api
    with api.app.app_context():
        set_settings(None, {"customers_may_start": "always", "customer_starts_per_day": "100"})
    for (store, kind, reference), owner in MATTERS.items():
        said = {"customer": {"email": f"{owner}@mail.example"}, "title": f"Of {owner}", "version": 1}
        assert api.put("ada", f"/api/v1/admin/contexts/{store}/{kind}/{reference}", json=said).status_code == 201
    home = {"cleo": "bakery", "omar": "bakery", "jun": "cycles"}[who]
    names = sorted({(kind, reference) for _store, kind, reference in MATTERS} | {("payout", "4711"), ("order", "9")})
    for kind, reference in names:
        name = {"kind": kind, "reference": reference}
        for store in ("bakery", "cycles"):
            answer = ask(api, who, context=name, recipient_id=getattr(api.cast, store))
            if store != home:
                assert faults_of(answer) == {("recipient_id", "unknown_recipient")}, (kind, reference, store)
            elif MATTERS.get((home, kind, reference)) == who:
                assert answer.status_code == 201 and answer.json["context"]["title"] == f"Of {who}"
            else:
                problem_of(answer, 404, "not_found")
