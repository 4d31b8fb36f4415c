"""Whatever goes wrong under /api is a problem that programs can tell by its code."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from messaging_app.api import problems
from messaging_app.services import inboxes
from tests.api.conftest import Api, faults_of, problem_of

BOUNDARY = {"Content-Type": "multipart/form-data; boundary=x"}


def test_every_code_stands_under_one_status_and_is_explained_in_the_docs(kept_api: Api) -> None:
    page = kept_api.get(None, "/api/v1/docs").text
    for code in problems.KINDS:
        assert f'id="{code}"' in page, code


@pytest.mark.parametrize(
    "path",
    ["/api", "/api/", "/api/v1", "/api/v2/store/messages", "/api/v1/store", "/api/v1/store/messages/", "/api//v1/docs",
     "/api/v1/store/messages/0", "/api/v1/store/messages/-1", "/api/v1/store/messages/01", "/api/v1/store/messages/1.0",
     "/api/v1/store/messages/true", "/api/v1/store/messages/1e0", "/api/v1/store/messages/%D9%A5",
     "/api/v1/store/messages/9223372036854775807", "/api/v1/store/messages/9223372036854775808",
     "/api/v1/store/messages/1/attachments/9223372036854775808", "/api/v1/store/messages/%00", "/api/v1/nobody/messages",
     "/api/v1/store/messages/1/messages/1", "/api/v1/store/../store/messages"],
)  # fmt: skip
@pytest.mark.parametrize("name", [None, "sam"])
def test_an_address_that_is_none_is_not_found(kept_api: Api, name: str | None, path: str) -> None:
    problem_of(kept_api.get(name, path), 404, "not_found")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "QUERY"])
def test_a_method_that_an_address_lacks_is_told_with_those_it_has(kept_api: Api, method: str) -> None:
    answer = kept_api.call("sam", method)
    problem_of(answer, 405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}


def test_head_answers_as_get_without_a_body(kept_api: Api) -> None:
    head, get = kept_api.call("sam", "HEAD"), kept_api.get("sam")
    assert head.status_code == 200 and head.data == b"" and head.headers["ETag"] == get.headers["ETag"]


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Bearer nonsense", "Basic c2FtOnNhbQ==", "Bearer msg_store_" + "0" * 48, "Token {}", "{}",
     "Bearer {} {}", "Bearer {}x", "Bearer msg_admin_" + "0" * 48, "Bearer \xe9"],
)  # fmt: skip
def test_without_a_token_that_counts_nobody_is_let_in(kept_api: Api, authorization: str) -> None:
    header = authorization.replace("{}", kept_api.token("sam"))
    answer = kept_api.client.get("/api/v1/store/messages", headers={"Authorization": header} if header else {})
    problem_of(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="messages"')
    assert ("invalid_token" in answer.headers["WWW-Authenticate"]) == bool(header)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_compared_without_case(kept_api: Api, scheme: str) -> None:
    header = {"Authorization": f"{scheme} {kept_api.token('sam')}"}
    assert kept_api.client.get("/api/v1/store/messages", headers=header).status_code == 200


@pytest.mark.parametrize(
    ("name", "base"), [("sam", "admin"), ("cleo", "store"), ("ada", "storefront"), ("ada", "store")]
)
def test_a_token_of_another_role_is_not_allowed(kept_api: Api, name: str, base: str) -> None:
    for path in ("", "/unread-count", "/1", "/999999"):
        problem_of(kept_api.get(name, f"/api/v1/{base}/messages{path}"), 403, "not_allowed")


def test_cookies_count_for_nothing_and_none_is_set(kept_api: Api) -> None:
    browser = kept_api.signed_in("sam")
    problem_of(browser.client.get("/api/v1/store/messages"), 401, "unauthenticated")
    answer = browser.client.get("/api/v1/store/messages", headers={"Authorization": f"Bearer {kept_api.token('sam')}"})
    assert answer.status_code == 200 and "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"{'content': 1}", b'{"content": "x"} x', b'{"content": "x", "content": "y"}', b'{"content": NaN}',
     b'{"content": Infinity}', b"\xff\xfe{\x00", b'{"content": "\xff"}', b"[" * 200_000, b'{"a":' * 50_000,
     b'{"content": ' + b"9" * 5000 + b"}", '{"content": "x"}'.encode("utf-16"), b'\xef\xbb\xbf{"content": "x"}'],
)  # fmt: skip
def test_what_is_no_json_is_malformed(kept_api: Api, data: bytes) -> None:
    problem_of(_send(kept_api, data=data, headers={"Content-Type": "application/json"}), 400, "malformed")


@pytest.mark.parametrize("sign", [b"", b"-"])
def test_a_number_of_thousands_of_digits_is_told_in_words_of_ours(kept_api: Api, sign: bytes) -> None:
    data = b'{"content": ' + sign + b"9" * 5000 + b"}"
    answer = _send(kept_api, data=data, headers={"Content-Type": "application/json"})
    assert problem_of(answer, 400, "malformed")["detail"] == "A number in the JSON has too many digits."


@pytest.mark.parametrize(
    "data",
    [b"nothing", b"--x", b"--x\r\n\r\n", b'--x\r\nContent-Disposition: form-data; name="content"\r\n\r\nhalf',
     b"--x\r\nContent-Type: text/plain\r\n\r\nno name\r\n--x--\r\n"],
)  # fmt: skip
def test_a_form_whose_parts_cannot_be_told_apart_is_malformed(kept_api: Api, data: bytes) -> None:
    problem_of(_send(kept_api, data=data, headers=BOUNDARY), 400, "malformed")


@pytest.mark.parametrize(
    "kind",
    ["", "text/plain", "application/x-www-form-urlencoded", "application/xml", "application/json-patch+json", "nonsense",
     "multipart/mixed; boundary=x", "text/json"],
)  # fmt: skip
def test_another_content_type_is_unsupported(kept_api: Api, kind: str) -> None:
    number = kept_api.begin("sam", "cleo")
    for method, path in (("POST", "/messages"), ("PUT", "/preferences"), ("PUT", "/read"), ("POST", "/close")):
        options: dict[str, Any] = {"data": b'{"content": "x"}', "headers": {"Content-Type": kind} if kind else {}}
        answer = kept_api.call("sam", method, f"/{number}{path}", **options)
        problem_of(answer, 415, "unsupported_media_type")


def test_a_form_is_unsupported_where_no_file_may_be(kept_api: Api) -> None:
    answer = kept_api.put("sam", "/1/read", data={"up_to": "1", "x": (io.BytesIO(b"x"), "x.txt")})
    problem_of(answer, 415, "unsupported_media_type")


def test_a_body_of_more_than_a_megabyte_is_too_large(kept_api: Api) -> None:
    fits = b'{"content": "x"}' + b" " * (1024 * 1024 - 16)
    assert _send(kept_api, data=fits, headers={"Content-Type": "application/json"}).status_code == 201
    answer = _send(kept_api, data=fits + b" ", headers={"Content-Type": "application/json"})
    problem_of(answer, 413, "too_large")


@pytest.mark.parametrize("body", [[], [{"content": "x"}], "content", 1, True])
def test_a_body_that_is_no_object_is_invalid(kept_api: Api, body: Any) -> None:
    assert faults_of(_send(kept_api, json=body)) == {("body", "wrong_type")}


def test_everything_at_fault_is_named_at_once(kept_api: Api) -> None:
    body = {"conversation_type": "chat", "recipient_type": 1, "recipient_id": "1", "subject": None, "mood": "good"}
    assert faults_of(kept_api.post("sam", json=body)) == {
        ("conversation_type", "not_a_choice"),
        ("recipient_type", "not_a_choice"),
        ("recipient_id", "wrong_type"),
        ("subject", "wrong_type"),
        ("content", "required"),
        ("mood", "unknown"),
    }


def test_a_name_that_cannot_be_shown_is_refused_all_the_same(kept_api: Api) -> None:
    for name in ("\ud800", "\0", "x" * 100_000):
        answer = _send(kept_api, data=_json_of({"content": "x", name: 1}), headers={"Content-Type": "application/json"})
        assert answer.status_code == 422 and len(answer.data) < 2000


def test_ten_thousand_unknown_fields_do_not_make_a_large_answer(kept_api: Api) -> None:
    answer = _send(kept_api, json={f"field{n}": n for n in range(10_000)})
    assert len(problem_of(answer, 422, "invalid")["errors"]) == problems.MOST_ERRORS


def test_a_fault_shows_nothing_of_us(kept_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object, **__: object) -> None:
        raise RuntimeError("a secret at /home/somebody/app.py")

    monkeypatch.setattr(inboxes, "get_unread_count", crash)
    answer = kept_api.get("sam", "/unread-count")
    problem_of(answer, 500, "internal_error")
    assert not re.search("secret|home|Traceback|RuntimeError", answer.text)


def test_a_database_that_is_gone_is_unavailable_for_a_while(kept_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("database is locked"))

    monkeypatch.setattr(inboxes, "get_unread_count", gone)
    answer = kept_api.get("sam", "/unread-count")
    problem_of(answer, 503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0 and "locked" not in answer.text


def _send(api: Api, **options: Any) -> Any:
    number = getattr(api, "scratch", None) or api.begin("sam", "cleo")
    api.scratch = number  # type: ignore[attr-defined]
    return api.post("sam", f"/{number}/messages", **options)


def _json_of(body: dict[str, Any]) -> bytes:
    import json

    return json.dumps(body).encode()
