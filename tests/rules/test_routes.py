"""Rules for every route of the three roles, read from the route table, so that new routes are tested automatically."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.exceptions import NotFound
from werkzeug.test import TestResponse

from messaging_app.policies import CONSOLE, ROLES, Position
from messaging_app.web.console import CONSOLE_VIEWS
from tests.conftest import Browser, Web, executed
from tests.rules.routes import Route, is_export, role_routes

World = tuple[Web, dict[str, int]]
CONSOLE_NAMES = {view.__name__ for views in CONSOLE_VIEWS.values() for _suffix, view, *_ in views}

# Routes open to everybody, by name. Every other route of a role requires an actor.
PUBLIC = {"login", "begin_oidc", "finish_oidc", "forgot", "logout", "logo", "passkey_options", "passkey_login"}
# URLs that have both a page and a mutation; each is listed deliberately.
ALSO_A_PAGE = {
    "act_on_many",
    "create_saved_reply",
    "create_question",
    "create_reason",
    "save_reason",
    "delete_reason",
    "save_saved_reply",
    "delete_saved_reply",
    "create_view", "save_view", "delete_view",
    "login", "forgot", "new", "create", "send", "save", "save_preferences", "create_token", "create_store",
    "save_store", "deactivate_store", "deactivate_customer", "remove_member", "save_store_settings", "invite_staff", "invite_admins", "remove_admin", "reset_factor", "deactivate_user",
    "save_profile", "save_security", "passkey_login",
    "add_passkey", "make_codes", "remove_app", "remove_passkey", "save_assignee", "save_snooze",
}  # fmt: skip
OF_TEAMS = {
    "rule_reply_out", "assign", "save_assignee", "snooze", "save_snooze", "mark_unread", "add_note", "download_of_note", "thumbnail_of_note", "remove_of_note", "colleagues", "choose_for_many", "act_on_many", "undo_many",
    "undo_send", "taken_back_file", "leave",
}  # fmt: skip
OF_A_SECOND_FACTOR = {
    "passkey_options", "passkey_login", "new_passkey_options", "add_passkey", "ask_remove_passkey", "remove_passkey",
    "ask_remove_app", "remove_app", "ask_new_codes", "make_codes",
}  # fmt: skip
OTHER_PLACES = re.compile(r"/(static|api|healthz|readyz|metrics|unsubscribe|setup|invitation|reset|confirm)\b|/$")

WRONG_IDS = (
    "0", "-1", "+1", "1e0", "1.0", "01", "0x1", "1_0", "%201", "1%20", "true", "null", "[1]", "%00", "1%00", "1%0a",
    "%D9%A3", "%EF%BC%91", "%C2%B2", "%FF", "9223372036854775808", "99999999999999999999", "9" * 400, "..", "1;2", "x",
)  # fmt: skip


def visible(role: str, numbers: dict[str, int]) -> int:
    """A conversation that everybody in `browsers` of that role sees."""
    return numbers["admin-bakery" if role != "storefront" else "bakery-cleo"]


def ask(browser: Browser, route: Route, path: str, **options: Any) -> TestResponse:
    """Call `route` as a page does, with the token of the page."""
    headers = {"X-CSRFToken": browser.token} | options.pop("headers", {})
    return browser.client.open(path, method=route.method, headers=headers, **options)


def test_every_address_of_a_role_has_an_actor_or_is_public_by_name(world: World) -> None:
    routes = role_routes(world[0].app)
    assert len(routes) > 40
    assert {route.view for route in routes if not route.guarded} == PUBLIC


def test_no_address_stands_outside_the_roles_unseen(world: World) -> None:
    app = world[0].app
    strangers = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] not in ROLES and not OTHER_PLACES.match(rule.rule)
    ]
    assert strangers == []


def test_every_address_has_a_policy(world: World) -> None:
    """A role has no route for a right that it lacks: the roles' routes differ exactly as the policies say."""
    routes = role_routes(world[0].app)
    views = {role: {r.view for r in routes if r.role == role and r.view not in CONSOLE_NAMES} for role in ROLES}
    assert views["admin"] - views["store"] == set()
    assert views["store"] - views["admin"] == {"switch"}
    through_providers = {"begin_oidc", "finish_oidc", "connect_identity", "disconnect_identity"}
    assert views["admin"] - views["storefront"] == through_providers | {
        "new", "recipients", "contexts_of_recipient", "offer_reasons", "create", "close", "reopen", "others", "profile", *OF_A_SECOND_FACTOR, *OF_TEAMS,
        "offer_saved_replies", "use_saved_reply",
    }  # fmt: skip
    assert views["storefront"] - views["admin"] == {"stored_data", "logo", "ask", "create_question"}


def test_the_console_stands_where_its_table_says(world: World) -> None:
    routes = role_routes(world[0].app)
    stands = {(r.role, r.rule, r.method, r.view) for r in routes if r.view in CONSOLE_NAMES}
    assert stands == {
        (role, address + suffix, method, view.__name__)
        for resource in CONSOLE.values()
        for role, address in resource.at.items()
        for suffix, view, method, _changes in CONSOLE_VIEWS[resource.name]
    }
    for resource in CONSOLE.values():
        for _suffix, _view, method, changes in CONSOLE_VIEWS[resource.name]:
            assert changes or method == "GET", "whatever changes something is for those who may"


PEOPLE = {"ada": Position.ADMIN, "sam": Position.OWNER, "nadia": Position.STAFF}


@pytest.mark.parametrize("who", PEOPLE)
def test_the_console_lets_in_whom_its_table_names(who: str, world: World) -> None:
    """Staff see what their owners change, and nothing with which they could: no form, no question, no file."""
    web, numbers = world
    browser = web.signed_in(who)
    role = "admin" if who == "ada" else "store"
    asked = 0
    for resource in CONSOLE.values():
        for suffix, view, method, changes in CONSOLE_VIEWS[resource.name] if role in resource.at else ():
            route = Route(role, view.__name__, resource.at[role] + suffix, method, True)
            allowed = PEOPLE[who] in (resource.changed_by if changes else resource.seen_by)
            if allowed and route.changes:
                continue  # that it does what it says is tested elsewhere
            answer = ask(browser, route, route.path(1, 1 if role == "admin" else web.cast.nadia.id))
            page = answer.text  # exports are read to their end
            assert (
                (answer.status_code < 400 or answer.status_code in (404, 409)) if allowed else answer.status_code == 403
            )
            if method == "GET" and allowed and not resource.changed_by & {PEOPLE[who]}:
                main = page.partition("<main")[2].partition("</main>")[0]
                assert 'method="post"' not in main and "#dialogs" not in main and ".csv" not in main, route
            asked += 1
    assert asked > 3


def test_the_navigation_is_the_table(world: World) -> None:
    for who, position in PEOPLE.items():
        role = "admin" if who == "ada" else "store"
        page = world[0].signed_in(who).get(ROLES[role].home).text
        listed = re.findall(r'class="sidebar__link" href="([^"]+)"', page)
        wanted = [r.at[role] for r in CONSOLE.values() if position in r.seen_by and "<" not in r.at.get(role, "<")]
        assert listed == [ROLES[role].messages, *wanted], who


def test_every_mutation_refuses_get(world: World, browsers: dict[str, Browser]) -> None:
    app, numbers = world[0].app, world[1]
    pages = {(r.role, r.rule) for r in role_routes(app) if not r.changes}
    mutations = [r for r in role_routes(app) if r.changes]
    assert {r.view for r in mutations if (r.role, r.rule) in pages} == ALSO_A_PAGE
    for route in mutations:
        if (route.role, route.rule) not in pages:
            for method in ("GET", "HEAD"):
                path = route.path(visible(route.role, numbers))
                answer = browsers[route.role].client.open(path, method=method)
                assert answer.status_code == 405, f"{method} {path}"


def _no_token(_browser: Browser) -> dict[str, str]:
    return {"X-CSRFToken": ""}


def _wrong_token(browser: Browser) -> dict[str, str]:
    return {"X-CSRFToken": browser.token[:-2] + "xx"}


FORGERIES: dict[str, Callable[[Browser], dict[str, str]]] = {
    "without a token": _no_token,
    "with a wrong token": _wrong_token,
    "from another origin": lambda _: {"Origin": "https://evil.example"},
    "from the same name at another port": lambda _: {"Origin": "http://localhost:8080"},
    "from no origin": lambda _: {"Origin": "null"},
    "from a broken origin": lambda _: {"Origin": "http://["},
    "from another site": lambda _: {"Sec-Fetch-Site": "cross-site"},
    "from a sister site": lambda _: {"Sec-Fetch-Site": "same-site"},
}


@pytest.mark.parametrize("how", FORGERIES)
def test_every_mutation_refuses_what_another_page_sent(how: str, world: World, browsers: dict[str, Browser]) -> None:
    web, numbers = world
    for route in role_routes(web.app):
        if not route.changes:
            continue
        browser = browsers[route.role]
        path = route.path(visible(route.role, numbers))
        headers = FORGERIES[how](browser)
        data = {"content": "Forged", "up_to": "1", "email_notifications": "true"}
        with writing(web) as written:
            answer = ask(browser, route, path, headers=headers, data=data)
        assert answer.status_code == 400, f"{route}: {answer.status}"
        assert written == [], f"{route} wrote"


def test_a_token_of_one_browser_is_worthless_in_another(world: World, browsers: dict[str, Browser]) -> None:
    web, numbers = world
    stranger = web.signed_in("abe")
    answer = browsers["admin"].client.post(
        f"/admin/messages/{numbers['admin-bakery']}/close", data={"csrf_token": stranger.token}
    )
    assert answer.status_code == 400


def test_no_get_writes(world: World, browsers: dict[str, Browser]) -> None:
    web, numbers = world
    for route in role_routes(web.app):
        if route.changes or route.view == "events" or is_export(route):  # the stream has tests of its own
            continue
        for headers in ({}, {"HX-Request": "true"}):
            path = route.path(visible(route.role, numbers))
            client = browsers[route.role].client
            with writing(web) as written:
                client.get(path, headers=headers)
            assert written == [], route


def test_signed_out_a_page_leads_to_its_sign_in_and_back(world: World) -> None:
    web, numbers = world
    for route in role_routes(web.app):
        if not route.guarded:
            continue
        browser = web.browser()
        path = route.path(numbers["admin-bakery"])
        if not route.changes and path.endswith(("/unread-count", "/events")):
            continue
        answer = browser.client.open(path + "?status=all&x=ü", method=route.method)
        assert answer.status_code == 302, route
        to = urlsplit(answer.location)
        assert (to.scheme, to.netloc, to.path) == ("", "", ROLES[route.role].login), route
        [back] = parse_qs(to.query)["next"]
        assert back.startswith(path + "?status=all" if not route.changes else ROLES[route.role].messages), route
        assert answer.get_data(as_text=True).count("Hello") == 0


def test_signed_out_a_poll_gets_a_bare_401(world: World) -> None:
    web, numbers = world
    number = numbers["admin-bakery"]
    for role in ROLES.values():
        polls = (
            f"{role.messages}/unread-count",
            f"{role.messages}/unread-count?have=3",
            f"{role.messages}/events",
            f"{role.messages}?have=0",
            f"{role.messages}?status=all&have=",
            f"{role.messages}/{number}?have=x",
            f"{role.messages}/{number}/messages?after=1",
            f"{role.messages}/{number}/messages?after=1&have=x",
        )
        for path in polls:
            for headers in ({}, {"HX-Request": "true", "HX-Current-URL": f"http://localhost{role.messages}"}):
                answer = web.browser().client.get(path, headers=headers)
                assert (answer.status_code, answer.data) == (401, b""), path
                assert "HX-Redirect" not in answer.headers and "Location" not in answer.headers, path
                assert "Set-Cookie" not in answer.headers, path


def test_signed_out_everything_else_of_htmx_is_sent_to_sign_in(world: World) -> None:
    web, numbers = world
    for route in role_routes(web.app):
        path = route.path(numbers["admin-bakery"])
        if not route.guarded or (not route.changes and path.endswith(("/unread-count", "/events"))):
            continue
        role = ROLES[route.role]
        for current, back in (
            (f"http://localhost{role.messages}/7?status=all#message-3", f"{role.messages}/7?status=all"),
            (f"https://evil.example{role.messages}/7", f"{role.messages}/7"),
            ("https://evil.example/x", role.messages),
            ("http://[", role.messages),
            ("//evil.example/", role.messages),
            ("", role.messages),
        ):
            answer = web.browser().client.open(
                path, method=route.method, headers={"HX-Request": "true", "HX-Current-URL": current}
            )
            assert answer.status_code == 401, route
            to = urlsplit(answer.headers["HX-Redirect"])
            assert (to.scheme, to.netloc, to.path) == ("", "", role.login), route
            assert parse_qs(to.query)["next"] == [back], (str(route), current)


def test_a_cookie_of_another_role_opens_nothing(world: World, browsers: dict[str, Browser]) -> None:
    web, numbers = world
    for route in role_routes(web.app):
        if not route.guarded:
            continue
        for other in set(ROLES) - {route.role}:
            thief = web.app.test_client()
            value = cookie(browsers[other].client, other)
            thief.set_cookie(other, value)
            thief.set_cookie(route.role, value)
            answer = thief.open(route.path(visible(route.role, numbers)), method=route.method)
            assert answer.status_code in (302, 401), f"{route} with the cookie of {other}: {answer.status}"


@pytest.mark.parametrize("cookie_value", ["", "x", "eyJfdXNlcl9pZCI6IngifQ.x.x", ".", "\x7f", "a" * 4000])
def test_a_cookie_that_is_not_ours_opens_nothing(world: World, cookie_value: str) -> None:
    client = world[0].app.test_client()
    client.set_cookie("admin", cookie_value)
    assert client.get("/admin/messages").status_code == 302


def test_an_id_of_any_wrong_shape_is_not_found(world: World, browsers: dict[str, Browser]) -> None:
    web, numbers = world
    addresses = web.app.url_map.bind("localhost")
    asked = 0
    for route in role_routes(web.app):
        if "<id:" not in route.rule:
            continue
        number = visible(route.role, numbers)
        for wrong in WRONG_IDS:
            for path in {route.path(wrong, wrong), route.path(number, wrong)} - {route.path(number)}:
                with pytest.raises(NotFound):  # no view ever sees such an id
                    addresses.match(unquote(path), method=route.method)
                    pytest.fail(f"{route.method} {path} has a view")
                if route.view in ("thread", "send", "mark_read") and route.role != "admin":
                    answer = ask(browsers[route.role], route, path, data=FORM if route.changes else None)
                    assert answer.status_code == 404, f"{route.method} {path}: {answer.status}"
                    asked += 1
    assert asked > 100


def test_the_largest_id_that_there_can_be_is_not_found_either(world: World, browsers: dict[str, Browser]) -> None:
    for route in role_routes(world[0].app):
        if "<id:" in route.rule:
            for number in ("999999999999999999", "9223372036854775807"):
                answer = ask(browsers[route.role], route, route.path(number, number), data=FORM)
                assert answer.status_code == 404, route


FORM = {"content": "Hello", "up_to": "1", "email_notifications": "true", "after": "1"}
INVISIBLE = {"admin": "bakery-cleo", "store": "admin-cleo", "storefront": "cycles-jun"}


@pytest.mark.parametrize("htmx", [False, True], ids=["page", "fragment"])
def test_what_is_not_visible_answers_as_what_does_not_exist(
    htmx: bool, world: World, browsers: dict[str, Browser]
) -> None:
    web, numbers = world
    compared = 0
    for route in role_routes(web.app):
        if "<id:conversation_id>" not in route.rule:
            continue
        headers = {"HX-Request": "true"} if htmx else {}
        answers = [
            ask(browsers[route.role], route, route.path(number), data=FORM if route.changes else None, headers=headers)
            for number in (numbers[INVISIBLE[route.role]], 999_999_999)
        ]
        invisible, unknown = (without_tokens(answer) for answer in answers)
        assert invisible == unknown, route
        assert answers[0].status_code == 404, route
        compared += 1
    assert compared > 20


def without_tokens(answer: TestResponse) -> tuple[Any, ...]:
    """All of an answer that a person or a program can see, but for its CSRF tokens."""
    text = re.sub(r'(csrf_token" value="|X-CSRFToken": ")[^"]+', r"\1", answer.get_data(as_text=True))
    dropped = {"set-cookie", "date", "content-length"}
    return answer.status_code, text, sorted((k, v) for k, v in answer.headers if k.lower() not in dropped)


@contextmanager
def writing(web: Web) -> Iterator[list[str]]:
    """The statements inside the block that change rows."""
    seen: list[str] = []
    with executed() as made:
        yield seen
    writes = ("INSERT", "UPDATE", "DELETE", "BEGIN IMMEDIATE", "REPLACE")
    seen += [statement for statement, _parameters in made if statement.lstrip("( ").upper().startswith(writes)]


def cookie(client: FlaskClient, name: str) -> str:
    found = client.get_cookie(name)
    assert found is not None
    return found.value
