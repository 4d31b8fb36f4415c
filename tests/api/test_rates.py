"""How often a program may ask, told with every answer."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
import redis
import time_machine
from flask import Flask
from limits import parse

from messaging_app.accounts import limits
from messaging_app.accounts.limits import LIMITS
from messaging_app.db.engine import now
from tests.api.conftest import Api, problem_of
from tests.services import free_port, running_redis

MakeApp = Callable[..., Flask]


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


def test_a_clock_set_back_keeps_nobody_out(limited: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "requests", parse("2 per minute"))
    for status in (200, 200, 429):
        assert limited.get("sam").status_code == status
    with time_machine.travel(now() - timedelta(hours=1)):
        for status in (200, 200, 429):
            answer = limited.get("sam")
            assert answer.status_code == status
            assert int(answer.headers["RateLimit"].partition("t=")[2]) <= 60
        assert int(answer.headers["Retry-After"]) <= 61


def test_a_clock_set_back_where_redis_runs_keeps_nobody_out(
    make_app: MakeApp, sqlite_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LIMITS, "requests", parse("2 per minute"))
    api = Api(make_app(sqlite_url, rate_limits="on", redis_url=redis_url))
    for status in (200, 200, 429):
        assert api.get("sam").status_code == status
    with redis.Redis.from_url(redis_url) as client:
        for key in client.keys("LIMITS*"):
            client.expire(key, 3_600)  # what it says once its clock is an hour behind
    for status in (200, 200, 429):
        assert api.get("sam").status_code == status


def test_a_redis_that_hangs_is_waited_for_once_and_then_left_alone(
    make_app: MakeApp, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PAUSE", 2.0)
    monkeypatch.setitem(LIMITS, "requests", parse("40 per minute"))
    port = free_port()
    api = Api(make_app(sqlite_url, rate_limits="on", redis_url=f"redis://127.0.0.1:{port}"))
    number = api.begin("sam", "cleo")
    with socket.create_server(("127.0.0.1", port), backlog=100):  # takes connections and never says a word
        api.get("cleo")
        time.sleep(2)
        began = time.monotonic()
        assert api.post("cleo", f"/{number}/messages", json={"content": "x"}).status_code == 201
        assert time.monotonic() - began < 3 * limits.BUDGET  # six questions in all, each given up after `BUDGET`
        began = time.monotonic()
        statuses = [api.get("cleo").status_code for _ in range(60)]
        assert time.monotonic() - began < 10 * limits.BUDGET
        assert statuses[:30] == [200] * 30 and statuses[-1] == 429  # this process goes on counting
    with running_redis(port):
        time.sleep(2)
        assert api.get("cleo").headers["RateLimit"].startswith('"requests";r=39;')
