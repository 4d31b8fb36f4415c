"""How often a program may ask, told with every answer."""

from __future__ import annotations

import re

import pytest
from limits import parse

from messaging_app.accounts.limits import LIMITS
from tests.api.conftest import Api, problem_of


def test_every_answer_tells_what_is_left(limited: Api) -> None:
    number = limited.begin("sam", "cleo")
    answer = limited.get("cleo", f"/{number}")
    assert answer.headers["RateLimit-Policy"] == '"requests";q=600;w=60'
    assert re.fullmatch(r'"requests";r=599;t=([1-9]|[1-5]\d|60)', answer.headers["RateLimit"])
    sent = limited.post("cleo", f"/{number}/messages", json={"content": "x"})
    assert sent.headers["RateLimit-Policy"] == '"requests";q=600;w=60, "send";q=60;w=60'
    assert re.fullmatch(r'"requests";r=598;t=\d+, "send";r=59;t=\d+', sent.headers["RateLimit"])
    begun = limited.post("sam", json=limited.beginning("sam", "cleo"))
    assert '"create";q=30;w=60' in begun.headers["RateLimit-Policy"] and '"create";r=28' in begun.headers["RateLimit"]


def test_one_too_many_waits(limited: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "requests", parse("3 per minute"))
    for _ in range(3):
        assert limited.get("sam").status_code == 200
    answer = limited.get("sam")
    problem_of(answer, 429, "rate_limited")
    assert 1 <= int(answer.headers["Retry-After"]) <= 61
    assert answer.headers["RateLimit"].startswith('"requests";r=0;t=')
    assert limited.get("nadia").status_code == 200  # each token has its own


def test_messages_are_limited_with_those_of_the_browser(limited: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "send", parse("2 per minute"))
    number = limited.begin("sam", "cleo")
    browser = limited.signed_in("cleo")
    browser.get(f"/storefront/account/messages/{number}")
    assert browser.post(f"/storefront/account/messages/{number}/messages", {"content": "1"}).status_code == 303
    assert limited.post("cleo", f"/{number}/messages", json={"content": "2"}).status_code == 201
    answer = limited.post("cleo", f"/{number}/messages", json={"content": "3"})
    problem_of(answer, 429, "rate_limited")
    assert '"send";r=0' in answer.headers["RateLimit"] and answer.headers["Retry-After"]
    assert limited.get("cleo", f"/{number}").json["last_seq"] == 3


def test_limits_that_are_switched_off_are_not_told(api: Api) -> None:
    answer = api.get("sam")
    assert "RateLimit" not in answer.headers and "RateLimit-Policy" not in answer.headers
