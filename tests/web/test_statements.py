"""How many statements a page makes, pinned: BEGIN and COMMIT not counted, the session's look-up counted.

The contract of the issue: badge 2, list 3, thread 4, send 6; files may add one. What is pinned here is what we reached.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from messaging_app.services import messaging, saved_views
from tests.conftest import Browser, Web
from tests.world import begin, kept_web

PLACES = {
    "ada": "/admin/messages",
    "sam": "/store/messages",
    "lea": "/store/messages",
    "cleo": "/storefront/account/messages",
}
NUMBERS = {"ada": "admin-bakery", "sam": "bakery-cleo", "lea": "bakery-cleo", "cleo": "bakery-cleo"}

# By name of the act: the most statements of any role, Lea with her two stores among them.
MOST = {
    "badge": 1,
    "badge, unchanged": 1,
    "list": 2,
    "list, fragment": 2,
    "list, unread": 2,
    "list, all of a kind": 2,
    "list, unchanged": 2,
    "search": 3,
    "search, next page": 4,
    "thread": 4,
    "thread, fragment": 3,
    "thread, older": 3,
    "lines that came": 3,
    "lines, none": 2,
    "send": 5,
    "send, fragment": 6,
    "send again with its key": 4,
    "read": 3,
    "read, fragment": 5,
    "read what is read": 4,
    "switch": 3,
    "close": 3,
    "reopen, fragment": 6,
    "home": 4,
    "compose": 4,
    "compose about an order": 5,
    "others": 3,
    "list of an order": 2,
    "views, counted": 5,  # the views, a list each, a search
    "recipients": 2,
    "begin": 6,
}


@pytest.fixture(scope="module")
def crowd(migrated_sqlite: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A web in which everybody has some 30 conversations, one of them with 71 lines."""
    with kept_web(migrated_sqlite, tmp_path_factory.mktemp("crowd")) as (web, numbers):
        with web.app.app_context():
            cast = web.cast
            for number in range(28):
                begin(cast.sam, "store_customer", "customer", cast.cleo.id, f"Order {number}")
                begin(cast.ada, "admin_store", "store", cast.bakery, f"Notice {number}")
            for number in range(70):
                for name, actors in (("bakery-cleo", (cast.sam, cast.cleo)), ("admin-bakery", (cast.ada, cast.sam))):
                    messaging.send_message(actors[number % 2], numbers[name], f"Line {number}")
            # What a colleague writes first in a conversation makes one more: the name is indexed.
            messaging.send_message(cast.lea, numbers["bakery-cleo"], "I am here too")
            for actor in (cast.ada, cast.sam):
                for query in ("unread=1", "waiting=us", "q=line+is:open"):
                    saved_views.create_view(actor, "Counted", query, shared=True)
        yield web, numbers


def acts(browser: Browser, who: str, numbers: dict[str, int], web: Web) -> dict[str, Callable[[], Any]]:
    """What to count, by the names in MOST."""
    place = PLACES[who]
    thread = f"{place}/{numbers[NUMBERS[who]]}"
    state = carried(browser.get(place, htmx=True).text)
    form = {"content": "Counted", "idempotency_key": f"{who}"}
    found: dict[str, Callable[[], Any]] = {
        "badge": lambda: browser.get(f"{place}/unread-count", htmx=True),
        "badge, unchanged": lambda: browser.get(f"{place}/unread-count?have=0", htmx=True),
        "list": lambda: browser.get(place),
        "list, fragment": lambda: browser.get(f"{place}?status=closed", htmx=True),
        "list, unread": lambda: browser.get(f"{place}?unread=1&status=all", htmx=True),
        "list, all of a kind": lambda: browser.get(f"{place}?status=all&type={KINDS[who]}", htmx=True),
        "list, unchanged": lambda: browser.get(f"{place}?have={state}", htmx=True),
        "search": lambda: browser.get(f"{place}?q=line"),
        "search, next page": lambda: browser.get(f"{place}?q=hello&cursor=fffff", htmx=True),
        "thread": lambda: browser.get(thread),
        "thread, fragment": lambda: browser.get(thread, htmx=True),
        "thread, older": lambda: browser.get(f"{thread}?before=60", htmx=True),
        "lines that came": lambda: browser.get(f"{thread}/messages?after=20", htmx=True),
        "lines, none": lambda: browser.get(f"{thread}/messages?after=99999", htmx=True),
        "send": lambda: browser.post(f"{thread}/messages", {"content": "Counted"}),
        "send, fragment": lambda: browser.post(f"{thread}/messages", form, htmx=True),
        "send again with its key": lambda: browser.post(f"{thread}/messages", form),
        "read": lambda: browser.post(f"{thread}/read", {"up_to": "3"}),
        "read, fragment": lambda: browser.put(f"{thread}/read", {"up_to": "99"}),
        "read what is read": lambda: browser.post(f"{thread}/read", {"up_to": "99"}),
        "switch": lambda: browser.post(f"{thread}/preferences", {"email_notifications": "true"}),
        "home": lambda: browser.get(place.removesuffix("/messages")),
    }
    if who != "cleo":
        customer = {"recipient_type": "customer", "recipient_id": str(web.cast.cleo.id)}
        found |= {
            "close": lambda: browser.post(f"{thread}/close"),
            "reopen, fragment": lambda: browser.post(f"{thread}/reopen", {"after": "5"}, htmx=True),
            "compose": lambda: browser.get(f"{place}/new"),
            "compose about an order": lambda: browser.get(f"{place}/new?context_kind=order&context_reference=4711"),
            "others": lambda: browser.get(f"{thread}/others", htmx=True),
            "views, counted": lambda: browser.get(f"{place.removesuffix('/messages')}/views/counts", htmx=True),
            "list of an order": lambda: browser.get(f"{place}?context_kind=order&context_reference=4711", htmx=True),
            "recipients": lambda: browser.get(f"{place}/recipients?recipient_type=customer&q=cl", htmx=True),
            "begin": lambda: browser.post(place, customer | {"subject": "Counted", "content": "Counted"}),
        }
    return found


def counted(web: Web, act: Callable[[], Any]) -> tuple[list[str], Any]:
    """The statements of `act`, and its answer."""
    answers: list[Any] = []
    statements = web.statements(lambda: answers.append(act()))
    return statements, answers[0]


def carried(text: str) -> str:
    """The value by which a fragment's poll asks whether anything changed."""
    return text.split('"have": "', 1)[1].split('"')[0]


KINDS = {"ada": "admin_store", "sam": "store_customer", "lea": "store_customer", "cleo": "store_customer"}


@pytest.fixture(scope="module")
def made(crowd: tuple[Web, dict[str, int]]) -> dict[str, dict[str, list[str]]]:
    """The statements of each act of each person."""
    web, numbers = crowd
    found: dict[str, dict[str, list[str]]] = {}
    for who in PLACES:
        found[who] = {}
        for name, act in acts(web.signed_in(who), who, numbers, web).items():
            found[who][name], answer = counted(web, act)
            assert answer.status_code < 400, (who, name, answer.status)
    return found


@pytest.mark.parametrize("who", PLACES)
def test_no_page_makes_more_statements_than_it_may(made: dict[str, dict[str, list[str]]], who: str) -> None:
    for name, statements in made[who].items():
        assert len(statements) <= MOST[name], f"{name}: " + "\n".join(statements)


def test_the_pins_are_no_higher_than_what_somebody_needs(made: dict[str, dict[str, list[str]]]) -> None:
    """A pin above every role's count would let the next statement in unseen."""
    assert {name: max(len(of.get(name, ())) for of in made.values()) for name in MOST} == MOST


# Each page of the console; the number of rows that it lists changes nothing.
OF_THE_CONSOLE = {
    ("ada", "/admin/stores"): 4,
    ("ada", "/admin/stores?q=bak"): 3,
    ("ada", "/admin/stores/1"): 6,
    ("ada", "/admin/customers"): 3,
    ("ada", "/admin/customers?q=cle"): 2,
    ("ada", "/admin/customers?status=inactive&q=cle"): 3,
    ("ada", "/admin/customers/1"): 3,
    ("ada", "/admin/admins"): 3,
    ("ada", "/admin/reasons"): 2,
    ("sam", "/store/staff"): 5,
    ("sam", "/store/settings"): 2,
}


def test_a_page_of_the_console_makes_no_more_statements_than_it_is_known_to(crowd: tuple[Web, dict[str, int]]) -> None:
    web, _numbers = crowd
    browsers = {who: web.signed_in(who) for who in ("ada", "sam")}
    found = {(who, path): len(web.statements(lambda: browsers[who].get(path))) for who, path in OF_THE_CONSOLE}  # noqa: B023
    assert found == OF_THE_CONSOLE


def test_the_pins_are_within_what_was_promised() -> None:
    for name, most in MOST.items():
        words = name.split()
        promised = {"badge": 2, "list": 3, "search": 4, "thread": 4, "lines": 4}.get(words[0].rstrip(","), 6)
        assert most <= promised, name


def test_the_number_of_statements_does_not_grow_with_the_rows(web: Web, crowd: tuple[Web, dict[str, int]]) -> None:
    with web.app.app_context():
        begin(web.cast.sam, "store_customer", "customer", web.cast.cleo.id, "The only one")
    counts = []
    for world, address in ((web, "/store/messages/1"), (crowd[0], f"/store/messages/{crowd[1]['bakery-cleo']}")):
        sam = world.signed_in("sam")
        counts.append([len(world.statements(lambda: sam.get(path))) for path in ("/store/messages", address)])  # noqa: B023
    assert counts[0] == counts[1]


def test_a_poll_of_which_nothing_came_answers_204_and_nothing_else(crowd: tuple[Web, dict[str, int]]) -> None:
    web, numbers = crowd
    for who, place in PLACES.items():
        browser = web.signed_in(who)
        unread = browser.get(f"{place}/unread-count", htmx=True).text.split("?have=", 1)[1].split('"')[0]
        inbox = carried(browser.get(place, htmx=True).text)
        thread = browser.get(f"{place}/{numbers[NUMBERS[who]]}", htmx=True).text
        after, held = thread.split('"after": ', 1)[1].split(",")[0], carried(thread)
        for path in (
            f"{place}/unread-count?have={unread}",
            f"{place}?have={inbox}",
            f"{place}/{numbers[NUMBERS[who]]}?have={held}",
            f"{place}/{numbers[NUMBERS[who]]}/messages?after={after}&have={held}",
        ):
            answer = browser.get(path, htmx=True)
            assert (answer.status_code, answer.data) == (204, b""), path
            assert "Set-Cookie" not in answer.headers


def test_a_sign_in_makes_few_statements(web: Web) -> None:
    browser = web.browser()
    browser.get("/store/login")
    form = {"email": "lea@mail.example", "password": "correct horse"}
    # Four are for the audit trail, one asks whether passwords are allowed.
    assert len(web.statements(lambda: browser.post("/store/login", form))) <= 9
