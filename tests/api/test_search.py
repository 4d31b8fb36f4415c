"""Search for programs: the contract's shape, pages, refusals, files, and what each role sees."""

from __future__ import annotations

from io import BytesIO

from tests.api.conftest import Api, faults_of
from tests.api.test_conversations import OF_CUSTOMERS, SUMMARY

WHERE = {"ada": "admin", "sam": "store", "tomas": "store", "cleo": "storefront"}


def search(api: Api, who: str, **query: object) -> dict:  # type: ignore[type-arg]
    answer = api.get(who, f"/api/v1/{WHERE[who]}/messages/search", query_string=query)
    assert answer.status_code == 200, answer.text
    return answer.json


def begin(api: Api, subject: str, content: str) -> int:
    answer = api.post("sam", json=api.beginning("sam", "cleo", subject=subject, content=content))
    return int(answer.json["id"])


def test_hits_have_the_shape_of_the_contract(either_api: Api) -> None:
    api = either_api
    number = begin(api, "Sourdough", "It is ready.\nShall I slice the überlange loaf?")
    for who, fields in (("sam", SUMMARY), ("cleo", OF_CUSTOMERS)):
        body = search(api, who, q="uberl")
        assert set(body) == {"hits", "next_cursor"} and body["next_cursor"] is None
        [hit] = body["hits"]
        assert set(hit) == {"conversation", "seq", "excerpt", "ranges"}
        assert set(hit["conversation"]) == fields
        assert (hit["conversation"]["id"], hit["seq"]) == (number, 1)
        [[start, end]] = hit["ranges"]
        assert hit["excerpt"][start:end] == "überlange" and "\n" not in hit["excerpt"]
        [hit] = search(api, who, q="sourd")["hits"]
        assert (hit["seq"], hit["excerpt"], hit["ranges"]) == (None, "Sourdough", [[0, 9]])
    for who in ("tomas", "ada"):
        assert search(api, who, q="uberl")["hits"] == []


def test_pages_follow_each_other_and_nothing_comes_twice(either_api: Api) -> None:
    api = either_api
    numbers = [begin(api, f"Number {number}", "Planted once") for number in range(5)]
    for number in numbers[:2]:
        assert (
            api.post(
                "cleo", f"/api/v1/storefront/messages/{number}/messages", json={"content": "planted twice"}
            ).status_code
            == 201
        )
    found, cursor = [], None
    while True:
        body = search(api, "sam", q="planted", limit=2, **({"cursor": cursor} if cursor else {}))
        assert len(body["hits"]) <= 2
        found += [(hit["conversation"]["id"], hit["seq"]) for hit in body["hits"]]
        if (cursor := body["next_cursor"]) is None:
            break
    assert found == [(numbers[1], 2), (numbers[0], 2), (numbers[4], 1), (numbers[3], 1), (numbers[2], 1)]


def test_files_are_found_by_name_until_they_are_removed(either_api: Api) -> None:
    api = either_api
    number = begin(api, "Colours", "Look")
    path = f"/api/v1/store/messages/{number}"
    form = {"content": "The list", "attachments": (BytesIO(b"Blue and green"), "sugar-paste-colours.txt")}
    sent = api.post("sam", f"{path}/messages", data=form)
    assert sent.status_code == 201, sent.text
    [hit] = search(api, "cleo", q="paste colo")["hits"]
    assert (hit["seq"], hit["excerpt"]) == (2, "sugar-paste-colours.txt")
    assert [hit["excerpt"][a:b] for a, b in hit["ranges"]] == ["paste", "colours"]
    assert [hit["seq"] for hit in search(api, "cleo", q="list has:file")["hits"]] == [2]
    assert search(api, "cleo", q="look has:file")["hits"] == []
    attachment = sent.json["attachments"][0]["id"]
    assert api.call("sam", "DELETE", f"{path}/attachments/{attachment}").status_code == 204
    assert search(api, "cleo", q="paste colo")["hits"] == search(api, "cleo", q="has:file")["hits"] == []
    assert [hit["seq"] for hit in search(api, "cleo", q="list")["hits"]] == [2]


def test_what_is_typed_is_refused_only_for_its_length(either_api: Api) -> None:
    api = either_api
    path = "/api/v1/store/messages/search"
    for query, field in (
        ({"q": "x" * 10_000}, "q"),
        ({"q": "x", "cursor": "2z"}, "cursor"),
        ({"q": "x", "limit": "101"}, "limit"),
        ({"q": "x", "page": "2"}, "page"),
    ):
        answer = api.get("sam", path, query_string=query)
        assert answer.status_code == 422 and [named for named, _code in faults_of(answer)] == [field]
    for q in ("", "?!", '"', "a", "from:nobody", "is:odd", 'from:"'):
        assert search(api, "sam", q=q)["hits"] == []
    assert api.client.get(path).status_code == 401
