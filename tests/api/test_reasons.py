"""Why conversations begin: the platform's list, what each side is offered, and when a reason must be given."""

from __future__ import annotations

from typing import Any

import pytest

from messaging_app.services.settings import set_settings
from tests.api.conftest import Api, faults_of, problem_of
from tests.api.test_contexts import NAME, put
from tests.api.test_starts import allow, ask

AT = {"ada": "/api/v1/admin/reasons", "sam": "/api/v1/store/reasons", "cleo": "/api/v1/storefront/reasons"}
EVERYBODY = ["customer", "store", "platform"]
REASONS: list[dict[str, Any]] = [
    {"code": "delivery", "name": "Delivery", "sides": EVERYBODY, "kinds": [], "states": []},
    {
        "code": "damaged",
        "name": "Something is missing or broken",
        "sides": ["customer"],
        "kinds": ["order"],
        "states": ["Shipped", "Delivered"],
        "hint": "A photo helps us most.",
        "url": "https://shop.example/help",
    },
    {"code": "delay", "name": "It will be late", "sides": ["store"], "kinds": ["order"], "states": []},
]


def keep(api: Api, *reasons: dict[str, Any]) -> Any:
    answer = api.put("ada", AT["ada"], json={"reasons": reasons or REASONS})
    assert answer.status_code == 200, answer.text
    return answer.json["reasons"]


def offered(api: Api, who: str, query: str = "") -> dict[str, str | None]:
    """What somebody is offered, by code, with why not."""
    found = api.get(who, AT[who] + query).json["reasons"]
    assert all(one["allowed"] is (one["because"] is None) for one in found)
    return {one["code"]: one["because"] for one in found}


def begin(api: Api, who: str = "sam", **fields: Any) -> Any:
    return api.post(who, json=api.beginning(who, "cleo", **fields))


def set_to(api: Api, **values: str) -> None:
    with api.app.app_context():
        set_settings(None, values)


def test_a_new_platform_offers_the_shipped_reasons_to_everybody(api: Api) -> None:
    shipped = ["delivery", "return", "product_question", "payment", "other"]
    for who in AT:
        assert offered(api, who) == dict.fromkeys(shipped)
    first = api.get("sam", AT["sam"]).json["reasons"][0]
    assert first == {
        "code": "delivery",
        "name": "Delivery",
        "hint": None,
        "url": None,
        "allowed": True,
        "because": None,
    }


def test_the_list_is_replaced_as_a_whole_and_gives_each_side_its_own(either_api: Api) -> None:
    api = either_api
    stored = keep(api)
    assert [{name: one[name] for name in given} for one, given in zip(stored, REASONS, strict=True)] == REASONS
    assert (stored[0]["hint"], stored[0]["recipients"]) == (None, [])
    assert api.get("ada", AT["ada"]).json["reasons"] == stored
    put(api)
    order = "?context_kind=order&context_reference=4711"
    assert offered(api, "sam") == {"delivery": None, "delay": "Only for orders."}
    assert offered(api, "sam", order) == {"delivery": None, "delay": None}
    assert offered(api, "sam", "?context_kind=return") == {"delivery": None, "delay": "Only for orders."}
    limits = "Only for orders that are Shipped or Delivered."
    assert offered(api, "cleo") == {"delivery": None, "damaged": limits}
    assert offered(api, "cleo", "?context_kind=return")["damaged"] == limits
    assert offered(api, "cleo", order) == {"delivery": None, "damaged": f"{limits} This one is “Paid”."}
    put(api, state="SHIPPED", version=2)
    assert offered(api, "cleo", order) == {"delivery": None, "damaged": None}, "whatever the case"
    assert offered(api, "ada") == {
        "delivery": None,
        "damaged": "Only customers can begin with this.",
        "delay": "Only stores can begin with this.",
    }
    problem_of(api.get("omar", AT["cleo"] + order), 404, "not_found")
    assert faults_of(api.get("sam", f"{AT['sam']}?recipient_type=store")) == {("recipient_type", "not_a_choice")}
    for who in ("sam", "cleo"):
        problem_of(api.put(who, AT["ada"], json={"reasons": []}), 403, "not_allowed")
    assert api.put("ada", AT["ada"], json={"reasons": []}).json == {"reasons": []}
    assert offered(api, "sam") == {}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"code": "Delivery"}, "invalid"),
        ({"code": "new"}, "invalid"),
        ({"code": "d" * 41}, "invalid"),
        ({"name": ""}, "required"),
        ({"name": "x" * 101}, "too_long"),
        ({"sides": []}, "invalid"),
        ({"sides": ["admin"]}, "not_a_choice"),
        ({"kinds": ["parcel"]}, "not_a_choice"),
        ({"states": ["x" * 41]}, "too_long"),
        ({"states": ["x"] * 21}, "too_many"),
        ({"hint": "x" * 501}, "too_long"),
        ({"url": "javascript:alert(1)"}, "invalid"),
        ({"colour": "red"}, "invalid"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(kept_api: Api, changes: Any, code: str) -> None:
    before = kept_api.get("ada", AT["ada"]).json
    answer = kept_api.put("ada", AT["ada"], json={"reasons": [REASONS[1], REASONS[0] | changes]})
    assert faults_of(answer) == {("reasons", code)}
    assert kept_api.get("ada", AT["ada"]).json == before
    twice = kept_api.put("ada", AT["ada"], json={"reasons": [REASONS[0], REASONS[0]]})
    assert faults_of(twice) == {("reasons", "repeated")}


def test_a_conversation_keeps_the_reason_with_which_it_began(either_api: Api) -> None:
    api = either_api
    keep(api)
    made = begin(api, reason="delay", context=NAME)
    assert made.status_code == 201 and made.json["reason"] == {"code": "delay", "name": "It will be late"}
    plain = begin(api)
    assert plain.status_code == 201 and plain.json["reason"] is None
    keep(api, REASONS[0] | {"name": "Parcel"})
    number = made.json["id"]
    assert api.get("cleo", f"/{number}").json["reason"]["name"] == "It will be late"
    begin(api, "ada", reason="delivery")
    for who, wanted in (("sam", [number]), ("cleo", [number])):
        for query in ("?reason=delay", "?reason=delay&context_kind=order&status=all", "?reason=delay&unread=false"):
            listed = api.get(who, f"{query}&include_total=true").json
            assert [one["id"] for one in listed["conversations"]] == wanted, (who, query)
            assert listed["total"] == 1
    assert api.get("ada", "?reason=delay").json["conversations"] == []
    assert [one["reason"]["name"] for one in api.get("ada", "?reason=delivery").json["conversations"]] == ["Parcel"]
    assert api.get("sam", "?reason=nothing").json["conversations"] == []


def test_a_reason_of_another_side_or_none_of_the_list_is_refused(api: Api) -> None:
    keep(api)
    put(api)
    allow(api, "always")
    for reason, code in (("damaged", "wrong_side"), ("nonsense", "not_a_choice"), ("delay", "does_not_fit")):
        assert faults_of(begin(api, reason=reason)) == {("reason", code)}
    assert faults_of(ask(api, reason="delay")) == {("reason", "wrong_side")}
    assert faults_of(ask(api, reason="damaged", context=NAME)) == {("reason", "does_not_fit")}, "it is not shipped"
    assert api.get("sam", "?status=all").json["conversations"] == [], "nothing was begun"
    put(api, state="Delivered", version=2)
    assert ask(api, reason="damaged", context=NAME).json["reason"]["code"] == "damaged"
    other = begin(api, reason="delay", context=NAME)
    assert other.status_code == 200, "one matter, one conversation"


def test_stores_must_say_why_and_what_about_where_the_platform_wants_it(api: Api) -> None:
    keep(api)
    set_to(api, reason_required_for_stores="true")
    assert faults_of(begin(api, context=NAME), 422, "reason_required") == {("reason", "reason_required")}
    assert faults_of(begin(api, reason="delivery"), 422, "context_required") == {("context", "context_required")}
    assert begin(api, reason="delivery", context=NAME).status_code == 201
    assert begin(api, "ada").status_code == 201, "the platform need not"
    allow(api, "always")
    assert ask(api).status_code == 201, "nor need customers"
    keep(api, REASONS[1])
    assert begin(api, context=NAME | {"reference": "4712"}).status_code == 201, "there is none for stores"


def test_customers_must_say_why_where_the_platform_wants_it(api: Api) -> None:
    keep(api)
    allow(api, "always", reason_required_for_customers="true")
    assert faults_of(ask(api), 422, "reason_required") == {("reason", "reason_required")}
    assert ask(api, reason="delivery").status_code == 201
    assert begin(api).status_code == 201, "stores need not"


def test_a_repeat_is_the_same_start_although_the_list_has_changed(api: Api) -> None:
    keep(api)
    put(api)
    body = api.beginning("sam", "cleo", reason="delay", context=NAME)
    again = lambda **more: api.post("sam", json=body | more, headers={"Idempotency-Key": "k"})  # noqa: E731
    made = again()
    keep(api, REASONS[0])
    api.post("sam", f"/{made.json['id']}/close")
    assert (again().status_code, again().json["id"]) == (201, made.json["id"])
    problem_of(again(reason="delivery"), 409, "idempotency_conflict")


def test_each_change_of_the_list_is_in_the_trail(api: Api) -> None:
    keep(api)
    keep(api, REASONS[2], REASONS[0] | {"name": "Parcel"})
    entries = api.get("ada", "/api/v1/admin/audit").json["entries"]
    told = [(one["action"], one["object"]["id"]) for one in entries if one["action"].startswith("reason.")]
    assert told[:7] == [
        *(("reason.removed", code) for code in ("return", "product_question", "payment", "other")),
        ("reason.added", "damaged"),
        ("reason.added", "delay"),
        ("reason.removed", "damaged"),
    ]
    assert set(told[7:]) == {("reason.changed", "delivery"), ("reason.sorted", "all")}
    [changed] = [one for one in entries if one["action"] == "reason.changed"]
    assert (changed["before"], changed["after"]) == ({"name": "Delivery"}, {"name": "Parcel"})
    keep(api, REASONS[2], REASONS[0] | {"name": "Parcel"})
    assert len(api.get("ada", "/api/v1/admin/audit").json["entries"]) == len(entries), "nothing changed"
