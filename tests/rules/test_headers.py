"""Headers that every response must have."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from messaging_app.policies import ROLES
from tests.cast import EMAILS, PASSWORD
from tests.conftest import Browser, Web
from tests.rules.routes import is_export, role_routes
from tests.world import kept_web

World = tuple[Web, dict[str, int]]


def every_answer(world: World, browsers: dict[str, Browser]) -> Iterator[tuple[str, TestResponse]]:
    """Answers of every kind: pages, fragments, redirects, refusals, signed in and out."""
    web, numbers = world
    stranger = web.browser()
    for route in role_routes(web.app):
        path = route.path(numbers["bakery-cleo" if route.role == "storefront" else "admin-bakery"])
        if route.view == "events":
            continue
        for who, browser in (("signed in", browsers[route.role]), ("signed out", stranger)):
            for headers in ({}, {"HX-Request": "true"}):
                if route.changes:  # without a token: refused, so the world stays as it is
                    yield (
                        f"{who} {route}",
                        browser.client.open(path, method=route.method, headers=headers, buffered=is_export(route)),
                    )
                else:
                    yield f"{who} {route}", browser.get(path, headers=headers)
                    yield f"{who} HEAD {path}", browser.client.head(path, headers=headers)
    admin = browsers["admin"]
    yield "front page", stranger.get("/")
    yield "404 outside", stranger.get("/nowhere")
    yield "404 inside", admin.get("/admin/messages/999999")
    yield "405", admin.client.delete("/admin/messages")
    yield "422", admin.get("/admin/messages?status=maybe")
    yield "422 form", admin.post(f"/admin/messages/{numbers['admin-bakery']}/messages", {"content": " "})
    yield (
        "413",
        admin.client.post(
            "/admin/messages", data=b"x" * (1024 * 1024 + 1), content_type="application/x-www-form-urlencoded"
        ),
    )
    yield "204", admin.get("/admin/messages/unread-count?have=0")
    yield "OPTIONS", admin.client.options("/admin/messages")


@pytest.fixture(scope="module")
def answers(world: World, browsers: dict[str, Browser]) -> list[tuple[str, int, Headers]]:
    """Return name, status and headers of every response. Not the bodies: those would keep their requests open."""
    found = []
    for what, answer in every_answer(world, browsers):
        found.append((what, answer.status_code, answer.headers))
        answer.close()
    return found


def test_every_answer_carries_the_headers_that_keep_people_safe(answers: list[tuple[str, int, Headers]]) -> None:
    for what, status, headers in answers:
        assert status < 500, what
        assert headers["X-Content-Type-Options"] == "nosniff", what
        assert headers["Referrer-Policy"] == "same-origin", what
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin", what
        assert not [name for name, _ in headers if name.lower().startswith("access-control-")], what
        check_csp(headers["Content-Security-Policy"], what)
        if headers["Cache-Control"] != "private, no-store":
            assert status == 404 and "logo" in what, what
        assert {"cookie", "hx-request"} <= {word.strip().lower() for word in headers.get("Vary", "").split(",")}, what
    assert {200, 204, 302, 400, 401, 404, 405, 413, 422} <= {status for _, status, _ in answers}


def check_csp(policy: str, what: str) -> None:
    rules = {words[0]: words[1:] for part in policy.split(";") if (words := part.split())}
    assert "unsafe" not in policy, what
    for name in ("object-src", "base-uri", "frame-ancestors"):
        assert rules[name] == ["'none'"], what
    assert rules["form-action"] == ["'self'"], what
    assert rules["default-src"] == ["'none'"] and rules["script-src"] == ["'self'"], what
    assert rules["style-src"] == ["'self'"], what
    assert not any("http" in source or "*" in source for sources in rules.values() for source in sources), what


def test_a_fault_of_ours_shows_no_trace_path_or_version(world: World, browsers: dict[str, Browser]) -> None:
    web = world[0]
    app = web.app
    view = app.view_functions["admin.inbox"]

    def broken() -> str:
        raise RuntimeError("secret detail at /home/somebody")

    broken.behind_door = True  # type: ignore[attr-defined]
    app.view_functions["admin.inbox"] = broken
    try:
        answer = browsers["admin"].get("/admin/messages")
    finally:
        app.view_functions["admin.inbox"] = view
    assert answer.status_code == 500
    text = answer.get_data(as_text=True)
    for word in ("secret detail", "Traceback", "/home", "RuntimeError", "Werkzeug", "Python"):
        assert word not in text
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "Server" not in answer.headers


def test_redirects_are_relative(answers: list[tuple[str, int, Headers]]) -> None:
    for what, _, headers in answers:
        if "Location" in headers:
            assert headers["Location"].startswith("/") and not headers["Location"].startswith("//"), what


def test_a_forged_host_reaches_no_address(world: World) -> None:
    answer = world[0].browser().client.get("/admin/messages", headers={"Host": "evil.example"})
    assert "evil" not in answer.location
    page = world[0].browser().client.get("/admin/login", headers={"Host": "evil.example"})
    assert "evil" not in page.get_data(as_text=True)


def test_cookies_are_for_this_server_and_no_script(world: World) -> None:
    for role in ROLES.values():
        browser = world[0].browser()
        name = {"admin": "ada", "store": "sam", "storefront": "cleo"}[role.name]
        page = browser.client.get(f"{role.login}?store=bakery")
        browser._note(page)
        for answer in (page, browser.sign_in(role.name, name)):
            for cookie in answer.headers.getlist("Set-Cookie"):
                assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Domain" not in cookie, cookie
                assert "Secure" not in cookie, cookie
            assert any(c.startswith(f"{role.name}=") for c in answer.headers.getlist("Set-Cookie"))


def test_over_https_cookies_are_secure_and_bound_to_this_host(migrated_sqlite: Path, tmp_path: Path) -> None:
    with kept_web(migrated_sqlite, tmp_path, base_url="https://messages.example") as (web, _):
        client = web.app.test_client()
        secure = {"base_url": "https://messages.example"}
        answer = client.get("/storefront/login?store=bakery", **secure)
        cookies = answer.headers.getlist("Set-Cookie")
        assert any(cookie.startswith("__Host-storefront=") for cookie in cookies)
        token = re.search(r'csrf_token"[^>]*value="([^"]+)', answer.text)
        assert token is not None
        form = {"email": EMAILS["cleo"], "password": PASSWORD, "csrf_token": token[1]}
        entered = client.post("/storefront/login?store=bakery", data=form, **secure)
        given = entered.headers.getlist("Set-Cookie")
        assert any(cookie.startswith("__Host-storefront-device=") for cookie in given)
        for cookie in [*cookies, *given]:
            assert "Secure" in cookie and "Domain" not in cookie, cookie
            assert "Path=/;" in f"{cookie};" or not cookie.startswith("__Host-"), cookie
        assert "max-age" in answer.headers["Strict-Transport-Security"]


def test_static_files_are_kept_for_good_under_an_address_of_their_bytes(world: World) -> None:
    browser = world[0].browser()
    page = browser.get("/admin/login").get_data(as_text=True)
    address = page.split('rel="stylesheet" href="', 1)[1].split('"', 1)[0]
    answer = browser.get(address)
    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"] and "public" in answer.headers["Cache-Control"]
    assert "Set-Cookie" not in answer.headers
    name = address.split("/", 3)[3]
    assert "immutable" not in browser.get(f"/static/0123456789ab/{name}").headers["Cache-Control"]
    outsides = ["../../wsgi.py", "..%2f..%2fwsgi.py", "%2e%2e/setup.cfg", "css", "css/", "css/%00", "/etc/passwd"]
    for outside in (*outsides, "x" * 300):  # longer than any file's name may be
        assert browser.get(f"/static/0123456789ab/{outside}").status_code in (404, 308), outside


@pytest.mark.parametrize("encoding", ["gzip", "gzip, deflate, br", "br;q=1.0, gzip;q=0.001", "gzip, *;q=0"])
def test_pages_are_compressed_for_whom_it_suits(world: World, browsers: dict[str, Browser], encoding: str) -> None:
    browser = browsers["admin"]
    plain = browser.client.get("/admin/messages")
    packed = browser.client.get("/admin/messages", headers={"Accept-Encoding": encoding})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.data) * 2 < len(plain.data)
    assert gzip.decompress(packed.data).startswith(b"<!doctype html>")
    assert int(packed.headers["Content-Length"]) == len(packed.data)
    assert "Accept-Encoding" in packed.headers["Vary"]


@pytest.mark.parametrize(
    "encoding", ["", "identity", "gzip;q=0", "br, gzip; q=0.0", "gzip;q=0, *", "identity;q=1, *;q=0"]
)
def test_nothing_is_compressed_for_whom_it_does_not_suit(
    world: World, browsers: dict[str, Browser], encoding: str
) -> None:
    page = browsers["admin"].client.get("/admin/messages", headers={"Accept-Encoding": encoding})
    assert page.data.startswith(b"<!doctype html>") and "Content-Encoding" not in page.headers
    address = page.text.split('rel="stylesheet" href="', 1)[1].split('"', 1)[0]
    sheet = browsers["admin"].client.get(address, headers={"Accept-Encoding": encoding})
    assert "{" in sheet.text and "Content-Encoding" not in sheet.headers
