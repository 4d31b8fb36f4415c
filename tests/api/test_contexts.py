"""What conversations are about: the shop states it, conversations keep it as it was, and there is one open at a time."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.api.conftest import Api, faults_of, problem_of

ORDER = "/api/v1/admin/contexts/bakery/order/4711"
CAKE: dict[str, Any] = {
    "customer": {"email": "cleo@mail.example"},
    "title": "Two-tier birthday cake",
    "url": "https://shop.example/orders/4711",
    "state": "Paid",
    "facts": [{"label": "Pick-up", "value": "Fri 4 Dec, 16:00"}, {"label": "Total", "value": "42.00 €"}],
    "version": 1,
}
NAME = {"kind": "order", "reference": "4711"}


def put(api: Api, at: str = ORDER, **changes: Any) -> Any:
    return api.put("ada", at, json=CAKE | changes)


def begin(api: Api, name: str = "sam", to: str = "cleo", **more: Any) -> Any:
    return api.post(name, json=api.beginning(name, to, context=NAME, **more))


def facts_in(api: Api, number: int, name: str = "sam") -> list[str]:
    lines = api.get(name, f"/{number}").json["messages"]
    return [line["content"] for line in lines if line["event"] == "fact"]


def test_the_shop_states_a_context_and_an_older_version_changes_nothing(either_api: Api) -> None:
    api = either_api
    made = put(api)
    assert made.status_code == 201
    assert {key: made.json[key] for key in CAKE if key != "customer"} == {
        key: value for key, value in CAKE.items() if key != "customer"
    }
    assert made.json["customer"]["name"] == "Cleo" and made.json["as_of"].endswith("Z")
    newer = put(api, state="Baking", version=3)
    assert (newer.status_code, newer.json["state"], newer.json["version"]) == (200, "Baking", 3)
    for version in (1, 2, 3):
        late = put(api, state="Paid", version=version)
        assert (late.status_code, late.json) == (200, newer.json), version
    assert api.get("ada", ORDER).json == newer.json
    assert problem_of(api.get("ada", f"{ORDER}2"), 404, "not_found")
    twin = put(api, "/api/v1/admin/contexts/bakery/return/4711", title="One tier back")
    assert twin.status_code == 201, "two kinds may have one number"
    assert api.get("ada", ORDER).json["title"] == CAKE["title"]


def test_a_number_may_hold_slashes_spaces_and_letters(api: Api) -> None:
    at = "/api/v1/admin/contexts/bakery/order/2026/47%20%C3%A4"
    assert put(api, at).json["reference"] == "2026/47 ä"
    assert api.get("ada", at).json["reference"] == "2026/47 ä"
    assert api.post("ada", f"{at}/facts", json={"id": "1", "text": "Shipped"}).status_code == 201
    assert api.get("ada", f"{at}/conversations").json["count"] == 0
    for under in ("facts", "conversations"):
        assert problem_of(put(api, f"{at}/{under}"), 405, "method_not_allowed")


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"url": "javascript:alert(1)"}, "url", "invalid"),
        ({"url": "https://"}, "url", "invalid"),
        ({"url": "https://shop.example/a b"}, "url", "invalid"),
        ({"url": "http://["}, "url", "invalid"),
        ({"title": ""}, "title", "required"),
        ({"title": "x" * 201}, "title", "too_long"),
        ({"title": "a\0b"}, "title", "invalid_characters"),
        ({"state": "x" * 41}, "state", "too_long"),
        ({"facts": [{"label": "x" * 41, "value": "y"}]}, "facts", "too_long"),
        ({"facts": [{"label": "x", "value": "y" * 201}]}, "facts", "too_long"),
        ({"facts": [{"label": "x", "value": "y" * 900_000}]}, "facts", "too_long"),
        ({"facts": [{"label": "x", "value": "y"}] * 9}, "facts", "too_many"),
        ({"facts": [{"label": "x"}]}, "facts", "required"),
        ({"facts": [{"label": "x", "value": "y", "colour": "red"}]}, "facts", "invalid"),
        ({"version": 0}, "version", "out_of_range"),
        ({"version": "1"}, "version", "wrong_type"),
        ({"customer": {"email": "jun@mail.example"}}, "customer", "unknown_customer"),
        ({"customer": {"external_id": "C-1"}}, "customer", "unknown_customer"),
        ({"customer": {}}, "customer", "invalid"),
        ({"customer": {"external_id": "C-1", "email": "cleo@mail.example"}}, "customer", "invalid"),
        ({"customer": {"email": "\0"}}, "customer", "invalid"),
    ],
)
def test_what_does_not_fit_is_refused_by_field(kept_api: Api, changes: Any, field: str, code: str) -> None:
    assert faults_of(put(kept_api, f"{ORDER}-x", **changes)) == {(field, code)}
    assert kept_api.get("ada", f"{ORDER}-x").status_code == 404, "nothing was stored"


def test_addresses_that_lead_nowhere(kept_api: Api) -> None:
    api = kept_api
    for at in ("bakery/order/unknown", "nowhere/order/4711", "bakery/order/%00"):
        at = f"/api/v1/admin/contexts/{at}"
        assert problem_of(api.get("ada", at), 404, "not_found")
        assert problem_of(api.get("ada", f"{at}/conversations"), 404, "not_found")
        assert problem_of(api.post("ada", f"{at}/facts", json={"id": "1", "text": "x"}), 404, "not_found")
    assert problem_of(put(api, "/api/v1/admin/contexts/nowhere/order/4711"), 404, "not_found")
    assert faults_of(put(api, "/api/v1/admin/contexts/bakery/parcel/4711")) == {("kind", "not_a_choice")}
    assert faults_of(put(api, f"/api/v1/admin/contexts/bakery/order/{'x' * 101}")) == {("reference", "too_long")}
    big = put(api, facts=[{"label": "x", "value": "y" * 1_100_000}])
    assert problem_of(big, 413, "too_large")
    assert problem_of(api.put("sam", ORDER, json=CAKE), 403, "not_allowed")


def test_a_stated_context_keeps_its_customer(either_api: Api) -> None:
    api = either_api
    put(api)
    assert faults_of(put(api, customer={"email": "omar@mail.example"}, version=2)) == {("customer", "other_customer")}
    assert api.get("ada", ORDER).json["customer"]["name"] == "Cleo"


def test_a_conversation_keeps_its_context_as_of_its_beginning(either_api: Api) -> None:
    api = either_api
    put(api)
    made = begin(api)
    assert made.status_code == 201
    context = made.json["context"]
    assert (context["kind"], context["reference"], context["state"]) == ("order", "4711", "Paid")
    assert context["facts"] == CAKE["facts"] and context["as_of"] == made.json["created_at"]
    put(api, state="Baking", version=2)
    number = made.json["id"]
    assert api.get("sam", f"/{number}").json["context"] == context
    assert api.get("cleo").json["conversations"][0]["context"] == context
    assert api.get("sam", f"/{api.begin('sam', 'omar')}").json["context"] is None


def test_a_change_of_the_context_is_a_change_of_list_and_thread(api: Api) -> None:
    put(api)
    number = begin(api).json["id"]
    for path in ("", f"/{number}"):
        etag = api.get("sam", path).headers["ETag"]
        assert api.get("sam", path, headers={"If-None-Match": etag}).status_code == 304
        put(api, state=f"Ready {path}", version=len(path) + 2)
        assert api.get("sam", path, headers={"If-None-Match": etag}).status_code == 200, path


def test_staff_type_a_number_that_nobody_knows(either_api: Api) -> None:
    api = either_api
    made = begin(api)
    assert made.status_code == 201
    assert (made.json["context"]["version"], made.json["context"]["title"], made.json["context"]["facts"]) == (
        0,
        None,
        [],
    )
    known = api.get("ada", ORDER).json
    assert (known["version"], known["customer"]["name"]) == (0, "Cleo")
    assert faults_of(api.post("sam", json=api.beginning("sam", "cleo", context=NAME | {"kind": "parcel"}))) == {
        ("context", "not_a_choice")
    }
    for junk in ({"kind": "order"}, {"kind": "order", "reference": 4711}, {"kind": "order", "reference": " "}, "4711"):
        body = api.beginning("sam", "cleo", context=junk)
        assert {field for field, _ in faults_of(api.post("sam", json=body))} == {"context"}, junk


def test_another_customers_context_is_as_if_it_were_not_there(either_api: Api) -> None:
    api = either_api
    put(api)
    assert problem_of(begin(api, to="omar"), 404, "not_found")
    assert problem_of(begin(api, "ada", "omar"), 404, "not_found")
    assert api.get("omar").json["conversations"] == []
    elsewhere = begin(api, "tomas", "jun")  # the same number at another store is another order
    assert elsewhere.status_code == 201 and elsewhere.json["context"]["version"] == 0
    assert begin(api, "ada", "bakery").status_code == 201, "a store's orders may be talked about with the store"


def test_what_was_typed_for_the_wrong_customer_shows_nothing_of_the_right_one(either_api: Api) -> None:
    api = either_api
    number = begin(api, to="omar").json["id"]
    put(api)  # the shop says that it is Cleo's
    assert api.get("ada", ORDER).json["customer"]["name"] == "Cleo"
    api.post("ada", f"{ORDER}/facts", json={"id": "1", "text": "Cleo's cake is ready"})
    assert facts_in(api, number) == []
    shown = api.signed_in("omar").get(f"/storefront/account/messages/{number}").text
    assert "birthday" not in shown and "Paid" not in shown
    assert begin(api).status_code == 201


def test_a_fact_is_an_event_in_every_conversation_about_it_once_and_never_unread(either_api: Api) -> None:
    api = either_api
    put(api)
    own, stores = begin(api).json["id"], begin(api, "ada", "bakery").json["id"]
    other = api.begin("sam", "cleo")
    for name in ("cleo", "sam", "ada"):
        for number in (own, stores, other):
            api.put(name, f"/{number}/read")
    before = {name: api.get(name, "/unread-count").json["total_unread"] for name in ("cleo", "sam", "ada")}
    said = {"id": "shipment", "text": "Shipped, <b>tracking</b> 12345 & 100 %"}
    first = api.post("ada", f"{ORDER}/facts", json=said)
    assert (first.status_code, first.json["text"]) == (201, said["text"])
    again = api.post("ada", f"{ORDER}/facts", json=said | {"text": "Something else"})
    assert (again.status_code, again.json) == (200, first.json)
    assert facts_in(api, own) == facts_in(api, stores, "ada") == [said["text"]]
    assert facts_in(api, other) == []
    assert {name: api.get(name, "/unread-count").json["total_unread"] for name in before} == before
    line = api.get("cleo", f"/{own}").json["messages"][-1]
    assert (line["kind"], line["event"], line["seq"]) == ("event", "fact", 2)
    api.post("sam", f"/{own}/close")
    assert api.post("ada", f"{ORDER}/facts", json={"id": "2", "text": "Delivered"}).status_code == 201
    assert facts_in(api, own)[-1] == "Delivered", "in a closed one, too"
    assert api.get("sam", f"/{own}").json["status"] == "closed"
    for junk in ({"id": "", "text": "x"}, {"id": "x" * 101, "text": "x"}, {"id": "3", "text": "x" * 501}):
        assert api.post("ada", f"{ORDER}/facts", json=junk).status_code == 422


def test_there_is_one_open_conversation_about_one_matter(either_api: Api) -> None:
    api = either_api
    put(api)
    first = begin(api)
    again = begin(api, content="And another thing")
    assert (again.status_code, again.json["id"], again.json["last_seq"]) == (200, first.json["id"], 1)
    assert begin(api, "ada", "cleo").json["id"] != first.json["id"], "the platform talks with Cleo on its own"
    number = first.json["id"]
    api.post("sam", f"/{number}/close")
    second = begin(api)
    assert second.status_code == 201 and second.json["id"] != number
    for path, body in ((f"/{number}/reopen", {}), (f"/{number}/messages", {"content": "Hello?"})):
        told = api.post("sam", path, json=body)
        assert (told.status_code, told.json["code"]) == (409, "duplicate_open"), told.text
        assert told.json["conversation_id"] == second.json["id"]
    assert api.get("sam", f"/{number}").json["last_seq"] == 2, "nothing was written"
    api.post("sam", f"/{second.json['id']}/close")
    assert api.post("sam", f"/{number}/messages", json={"content": "x"}).json["code"] == "conversation_closed"
    assert api.post("sam", f"/{number}/reopen").status_code == 200
    assert api.post("sam", f"/{number}/reopen").status_code == 200, "reopening what is open changes nothing"


def test_a_key_gives_what_it_began_and_means_another_context_too(either_api: Api) -> None:
    api = either_api
    headers = {"Idempotency-Key": "one"}
    first = api.post("sam", json=api.beginning("sam", "cleo", context=NAME), headers=headers)
    again = api.post("sam", json=api.beginning("sam", "cleo", context=NAME), headers=headers)
    assert (first.status_code, again.status_code, again.json["id"]) == (201, 201, first.json["id"])
    other = api.post("sam", json=api.beginning("sam", "cleo", context=NAME | {"reference": "4712"}), headers=headers)
    assert problem_of(other, 409, "idempotency_conflict")


@pytest.mark.parametrize("known", [True, False])
def test_twenty_starts_at_once_make_one_conversation(either_api: Api, known: bool) -> None:
    api = either_api
    if known:
        put(api)
    token, body = api.token("sam"), api.beginning("sam", "cleo", context=NAME)
    answers: list[tuple[int, int]] = []
    gate = threading.Barrier(20)

    def start() -> None:
        client = api.app.test_client()
        gate.wait()
        answer = client.post("/api/v1/store/messages", json=body, headers={"Authorization": f"Bearer {token}"})
        answers.append((answer.status_code, answer.get_json(force=True).get("id", 0)))

    threads = [threading.Thread(target=start) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status for status, _ in answers) == [200] * 19 + [201]
    assert len({number for _, number in answers}) == 1
    assert len(api.get("sam").json["conversations"]) == 1


def test_one_request_finds_the_conversations_about_an_order(either_api: Api) -> None:
    api = either_api
    put(api)
    own = begin(api).json["id"]
    api.post("cleo", f"/{own}/messages", json={"content": "When?"})
    api.post("sam", f"/{own}/close")
    later, stores, ours = (
        begin(api).json["id"],
        begin(api, "ada", "bakery").json["id"],
        begin(api, "ada", "cleo").json["id"],
    )
    begin(api, "tomas", "jun")
    told = api.get("ada", f"{ORDER}/conversations").json
    assert (told["count"], told["unread"], [c["id"] for c in told["conversations"]]) == (2, 0, [ours, stores])
    of_store = api.get("sam", "/api/v1/store/contexts/order/4711/conversations").json
    assert (of_store["count"], [c["id"] for c in of_store["conversations"]]) == (3, [stores, later, own])
    assert of_store["unread"] == 2, "Cleo's question and Ada's first message"
    assert problem_of(api.get("tomas", "/api/v1/store/contexts/return/4711/conversations"), 404, "not_found")


def test_lists_filter_by_what_conversations_are_about(either_api: Api) -> None:
    api = either_api
    put(api)
    put(api, "/api/v1/admin/contexts/bakery/return/4711")
    order = begin(api).json["id"]
    back = api.post("sam", json=api.beginning("sam", "cleo", context=NAME | {"kind": "return"})).json["id"]
    begin(api, "tomas", "jun")
    api.begin("sam", "cleo")
    for query, expected in (
        ("context_kind=order", [order]),
        ("context_reference=4711", [back, order]),
        ("context_kind=return&context_reference=4711&include_total=true", [back]),
        ("context_kind=return&context_reference=4712", []),
        ("context_kind=parcel", []),
    ):
        for status in ("", "&status=all"):
            for name in ("sam", "cleo"):
                found = api.get(name, f"?{query}{status}").json
                assert [c["id"] for c in found["conversations"]] == expected, (query, status, name)
                assert found.get("total", len(expected)) == len(expected)
    assert api.get("sam", "?context_kind=order&status=closed").json["conversations"] == []
    assert [c["id"] for c in api.get("sam", "?context_kind=order&unread=true").json["conversations"]] == []
    assert [c["id"] for c in api.get("cleo", "?context_kind=order&unread=true").json["conversations"]] == [order]
    assert faults_of(api.get("sam", "?context_reference=%00")) == {("context_reference", "invalid")}


def test_the_platform_decides_which_kinds_there_are(api: Api) -> None:
    ada = api.signed_in("ada")
    put(api)
    for junk in ("", "Order!", "x" * 21, ", ".join(f"k{n}" for n in range(21))):
        assert ada.post("/admin/settings", {"context_kinds": junk}).status_code == 422
    assert ada.post("/admin/settings", {"context_kinds": "Parcel, order ,parcel"}).status_code == 303
    assert put(api, "/api/v1/admin/contexts/bakery/parcel/1").status_code == 201
    assert faults_of(put(api, "/api/v1/admin/contexts/bakery/payout/1")) == {("kind", "not_a_choice")}


def test_a_form_with_files_names_the_context_by_two_parts(api: Api) -> None:
    fields = {key: str(value) for key, value in api.beginning("sam", "cleo").items()}
    made = api.post("sam", data=fields | {"context_kind": "order", "context_reference": "4711"},
                    content_type="multipart/form-data")  # fmt: skip
    assert made.status_code == 201 and made.json["context"]["reference"] == "4711"
    half = api.post("sam", data=fields | {"context_kind": "order"}, content_type="multipart/form-data")
    assert faults_of(half) == {("context_reference", "required")}
