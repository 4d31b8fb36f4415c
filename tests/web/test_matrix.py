"""Eight users, every route, four conversations: the expected statuses, in a table written by hand.

Ada and Abe     admins; Ada began the platform's conversations, Abe has no seat in any
Sam, Lea        staff of the bakery; Lea also works at the cycle shop, where she is not now
Tomas           staff of the cycle shop
Cleo, Omar      customers of the bakery
nobody          a browser in which nobody is signed in
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import pytest
from werkzeug.test import TestResponse

from messaging_app.policies import ROLES
from tests.conftest import Browser, Web, role_of
from tests.rules.routes import role_routes

World = tuple[Web, dict[str, int]]

# A admin, W staff or admin who wrote the conversation's file, S staff, C customer, - not visible
SIGHT = """
          bakery-cleo  cycles-jun  admin-bakery  admin-cleo
ada       -            -           W             W
abe       -            -           A             A
sam       W            -           S             -
lea       S            -           S             -
tomas     -            W           -             -
cleo      C            -           -             C
omar      -            -           -             -
"""

# The status that the routes of one conversation return to users who see it (W A S C), to users of the same role who do
# not (-), and to users not signed in to that role (out). "none": the role has no such route.
# The rows run from top to bottom, so a closed conversation is reopened before the next person comes.
OF_A_CONVERSATION = """
GET  R/<id>                                          W 200  A 200  S 200  C 200  - 404  out 302
GET  R/<id>                               htmx       W 200  A 200  S 200  C 200  - 404  out 401
GET  R/<id>?before=2                      htmx       W 200  A 200  S 200  C 200  - 404  out 401
GET  R/<id>?have=x                        htmx       W 200  A 200  S 200  C 200  - 404  out 401
GET  R/<id>/messages?after=0              htmx       W 200  A 200  S 200  C 200  - 404  out 401
GET  R/<id>/messages?after=999999         htmx       W 204  A 204  S 204  C 204  - 404  out 401
POST R/<id>/messages                                 W 303  A 303  S 303  C 303  - 404  out 401
POST R/<id>/messages                      htmx       W 200  A 200  S 200  C 200  - 404  out 401
POST R/<id>/typing                        htmx       W 204  A 204  S 204  C 204  - 404  out 401
POST R/<id>/read                                     W 303  A 303  S 303  C 303  - 404  out 302
PUT  R/<id>/read                          htmx       W 200  A 200  S 200  C 200  - 404  out 401
POST R/<id>/preferences                              W 303  A 303  S 303  C 303  - 404  out 302
PUT  R/<id>/preferences                   htmx       W 200  A 200  S 200  C 200  - 404  out 401
GET R/<id>/others                                    W 200  A 200  S 200  C none - 404  out 302
POST R/<id>/no-reply-needed                          W 303  A 303  S 303  C none - 404  out 302
POST R/<id>/no-reply-needed               htmx       W 200  A 200  S 200  C none - 404  out 401
GET  R/<id>/assignee                                 W 200  A 200  S 200  C none - 404  out 302
POST R/<id>/assignee                                 W 303  A 303  S 303  C none - 404  out 302
GET  R/<id>/snooze                        htmx       W 200  A 200  S 200  C none - 404  out 401
POST R/<id>/snooze                                   W 303  A 303  S 303  C none - 404  out 302
POST R/<id>/notes                                    W 422  A 422  S 422  C none - 404  out 302
POST R/<id>/messages/999/undo                        W 404  A 404  S 404  C none - 404  out 302
GET  R/<id>/messages/999/files/1                     W 404  A 404  S 404  C none - 404  out 302
GET  R/<id>/notes/attachments/999                    W 404  A 404  S 404  C none - 404  out 302
GET  R/<id>/notes/attachments/999/thumbnail          W 404  A 404  S 404  C none - 404  out 302
POST R/<id>/notes/attachments/999/remove             W 404  A 404  S 404  C none - 404  out 302
POST R/<id>/left                                     W 204  A 204  S 204  C none - 404  out 302
GET  R/<id>/notes/colleagues?q=                       W 200  A 200  S 200  C none - 404  out 302
POST R/<id>/unread                                   W 303  A 303  S 303  C none - 404  out 302
GET  R/<id>/saved-replies                            W 200  A 200  S 200  C none - 404  out 302
POST R/<id>/saved-replies/999                        W 404  A 404  S 404  C none - 404  out 302
POST R/<id>/close                                    W 303  A 303  S 303  C none - 404  out 302
POST R/<id>/messages                      closed     W 409  A 409  S 409  C skip - 404  out 401
POST R/<id>/reopen                                   W 303  A 303  S 303  C none - 404  out 302
GET  R/<id>/attachments/<file>                       W 200  A 200  S 200  C 200  - 404  out 302
GET  R/<id>/attachments/<file>/thumbnail             W 404  A 404  S 404  C 404  - 404  out 302
GET  R/<id>/attachments/999999                       W 404  A 404  S 404  C 404  - 404  out 302
"""

# Removing takes a file away for everybody, so it has its turn last; only its writer and admins who see it may.
REMOVAL = """
POST R/<id>/attachments/<file>/remove                W 303  A 303  S 403  C 403  - 404  out 302
POST R/<id>/attachments/<file>/remove     htmx       W 200  A 200  S 403  C 403  - 404  out 401
"""

# Routes outside of conversations.
OF_A_ROLE = """
GET  H                                    admin 200  store 200  storefront 200  out 302
GET  R                                    admin 200  store 200  storefront 200  out 302
GET  R?have=x                             admin 200  store 200  storefront 200  out 401
GET  R/unread-count                       admin 200  store 200  storefront 200  out 401
GET  R/new                                admin 200  store 200  storefront 404  out 302
POST R/new                                admin 200  store 200  storefront none out 302
GET  R/recipients                         admin 200  store 200  storefront none out 302
GET  R/contexts                           admin 200  store 200  storefront none out 302
GET  R/reasons                            admin 200  store 200  storefront none out 302
GET  R/bulk?action=assign&ids=1           admin 200  store 200  storefront none out 302
POST R/bulk                               admin 422  store 422  storefront none out 302
POST R/bulk/undo                          admin 422  store 422  storefront none out 302
POST R                                    admin 422  store 422  storefront 403  out 401
GET  H/tokens                             admin 200  store 200  storefront 404  out 302
POST H/tokens                             admin 422  store 422  storefront 404  out 302
POST H/tokens/999/revoke                  admin 404  store 404  storefront 404  out 302
GET  A                                    admin 200  store 200  storefront 200  out 302
POST A                                    admin 422  store 422  storefront 422  out 302
POST A/email                              admin 422  store 422  storefront 422  out 302
GET  A/security                           admin 200  store 200  storefront 200  out 302
POST A/security                           admin 422  store 422  storefront 422  out 302
GET  A/security/authenticator/remove      admin 404  store 404  storefront none out 302
POST A/security/authenticator/remove      admin 404  store 404  storefront none out 302
GET  A/security/codes                     admin 404  store 404  storefront none out 302
POST A/security/codes                     admin 404  store 404  storefront none out 302
GET  A/security/passkeys                  admin 200  store 200  storefront none out 302
POST A/security/passkeys                  admin 422  store 422  storefront none out 302
GET  A/security/passkeys/999/remove       admin 404  store 404  storefront none out 302
POST A/security/passkeys/999/remove       admin 404  store 404  storefront none out 302
GET  A/data                               admin none store none storefront 200  out 302
GET  A/sessions                           admin 200  store 200  storefront 200  out 302
POST A/sessions/end                       admin 303  store 303  storefront 303  out 302
POST A/sessions/999/end                   admin 404  store 404  storefront 404  out 302
GET  H/preferences                        admin 200  store 200  storefront 200  out 302
POST H/preferences                        admin 422  store 422  storefront 422  out 302
GET  H/views                              admin 200  store 200  storefront none out 302
POST H/views                              admin 422  store 422  storefront none out 302
GET  H/views/counts                       admin 200  store 200  storefront none out 302
GET  H/views/new                          admin 303  store 303  storefront none out 302
GET  H/views/999                          admin 404  store 404  storefront none out 302
POST H/views/999                          admin 404  store 404  storefront none out 302
GET  H/views/999/delete                   admin 404  store 404  storefront none out 302
POST H/views/999/delete                   admin 404  store 404  storefront none out 302
GET  H/saved-replies                      admin 200  store 200  storefront none out 302
POST H/saved-replies                      admin 422  store 422  storefront none out 302
GET  H/saved-replies/new                  admin 200  store 200  storefront none out 302
POST H/saved-replies/import               admin 422  store 422  storefront none out 302
GET  H/saved-replies/999                  admin 404  store 404  storefront none out 302
POST H/saved-replies/999                  admin 404  store 404  storefront none out 302
GET  H/saved-replies/999/delete           admin 404  store 404  storefront none out 302
POST H/saved-replies/999/delete           admin 404  store 404  storefront none out 302
GET  /admin/reasons                       admin 200  store out  storefront out  out 302
POST /admin/reasons                       admin 422  store out  storefront out  out 302
GET  /admin/reasons/new                   admin 200  store out  storefront out  out 302
GET  /admin/reasons/other                 admin 200  store out  storefront out  out 302
POST /admin/reasons/other                 admin 422  store out  storefront out  out 302
POST /admin/reasons/none/up               admin 404  store out  storefront out  out 302
GET  /admin/reasons/other/delete          admin 200  store out  storefront out  out 302
POST /admin/reasons/none/delete           admin 404  store out  storefront out  out 302
GET  /admin/settings                      admin 200  store out  storefront out  out 302
POST /admin/settings                      admin 422  store out  storefront out  out 302
GET  /admin/audit                         admin 200  store out  storefront out  out 302
GET  /admin/audit.csv                     admin 200  store out  storefront out  out 302
GET  /admin/audit.jsonl                   admin 200  store out  storefront out  out 302
GET  /admin/system                        admin 200  store out  storefront out  out 302
POST /admin/system/doctor                 admin 303  store out  storefront out  out 302
POST /admin/system/test-mail              admin 409  store out  storefront out  out 302
GET  /admin/stores                        admin 200  store out  storefront out  out 302
GET  /admin/stores.csv                    admin 200  store out  storefront out  out 302
GET  /admin/stores/new                    admin 200  store out  storefront out  out 302
POST /admin/stores                        admin 422  store out  storefront out  out 302
GET  /admin/stores/1                      admin 200  store out  storefront out  out 302
GET  /admin/stores/999                    admin 404  store out  storefront out  out 302
GET  /admin/stores/1/edit                 admin 200  store out  storefront out  out 302
POST /admin/stores/1                      admin 422  store out  storefront out  out 302
GET  /admin/stores/1/deactivate           admin 200  store out  storefront out  out 302
POST /admin/stores/999/deactivate         admin 404  store out  storefront out  out 302
POST /admin/stores/999/reactivate         admin 404  store out  storefront out  out 302
GET  /admin/stores/1/staff                admin 200  store out  storefront out  out 302
GET  /admin/stores/1/staff.csv            admin 200  store out  storefront out  out 302
POST /admin/stores/1/staff                admin 422  store out  storefront out  out 302
POST /admin/stores/1/staff/invitations/999/resend admin 404 store out storefront out out 302
POST /admin/stores/1/staff/invitations/999/withdraw admin 404 store out storefront out out 302
POST /admin/stores/1/staff/invitations/999/restore admin 404 store out storefront out out 302
POST /admin/stores/1/staff/999/role       admin 404  store out  storefront out  out 302
GET  /admin/stores/1/staff/999/remove     admin 404  store out  storefront out  out 302
POST /admin/stores/1/staff/999/remove     admin 404  store out  storefront out  out 302
POST /admin/stores/1/staff/999/return     admin 404  store out  storefront out  out 302
GET  /admin/customers                     admin 200  store out  storefront out  out 302
GET  /admin/customers.csv                 admin 200  store out  storefront out  out 302
GET  /admin/customers/1                   admin 200  store out  storefront out  out 302
GET  /admin/customers/999                 admin 404  store out  storefront out  out 302
GET  /admin/customers/1/deactivate        admin 200  store out  storefront out  out 302
POST /admin/customers/999/deactivate      admin 404  store out  storefront out  out 302
POST /admin/customers/999/reactivate      admin 404  store out  storefront out  out 302
GET  /admin/admins                        admin 200  store out  storefront out  out 302
GET  /admin/admins.csv                    admin 200  store out  storefront out  out 302
POST /admin/admins                        admin 422  store out  storefront out  out 302
POST /admin/admins/invitations/999/resend admin 404  store out  storefront out  out 302
POST /admin/admins/invitations/999/withdraw admin 404 store out storefront out out 302
POST /admin/admins/invitations/999/restore admin 404 store out  storefront out  out 302
GET  /admin/admins/999/remove             admin 404  store out  storefront out  out 302
POST /admin/admins/999/remove             admin 404  store out  storefront out  out 302
POST /admin/admins/999/return             admin 404  store out  storefront out  out 302
GET  /admin/admins/999/reset-factor       admin 404  store out  storefront out  out 302
POST /admin/admins/999/reset-factor       admin 404  store out  storefront out  out 302
GET  /admin/admins/999/deactivate         admin 404  store out  storefront out  out 302
POST /admin/admins/999/deactivate         admin 404  store out  storefront out  out 302
POST /admin/admins/999/reactivate         admin 404  store out  storefront out  out 302
POST /store/switch                        admin out  store 422  storefront out  out 302
GET  B/login                              admin 200  store 200  storefront 200  out 200
GET  B/login/passkey                      admin 200  store 200  storefront none out 200
GET  B/forgot                             admin 200  store 200  storefront 200  out 200
"""

# Pages of a store that owners change and staff can read.
OF_A_STORE = """
GET  /store/staff                         owner 200  staff 200
GET  /store/staff.csv                     owner 200  staff 403
POST /store/staff                         owner 422  staff 403
POST /store/staff/invitations/999/resend  owner 404  staff 403
POST /store/staff/invitations/999/withdraw owner 404 staff 403
POST /store/staff/invitations/999/restore owner 404  staff 403
POST /store/staff/999/role                owner 404  staff 403
GET  /store/staff/999/remove              owner 404  staff 403
POST /store/staff/999/remove              owner 404  staff 403
POST /store/staff/999/return              owner 404  staff 403
GET  /store/settings                      owner 200  staff 200
POST /store/settings                      owner 422  staff 403
"""

# Where the sign-in itself is, or a stream, or a picture: these have tests of their own.
ELSEWHERE = {
    "logout",
    "logo",
    "events",
    "login",
    "begin_oidc",
    "finish_oidc",
    "connect_identity",
    "disconnect_identity",
    "forgot",
    "passkey_options",
    "passkey_login",
}

FORMS: dict[str, dict[str, Any]] = {
    "messages": {"content": "Hello again"},
    "read": {"up_to": "1"},
    "preferences": {"email_notifications": "true"},
    "tokens": {"days": "forever"},
    "settings": {"message_attachment_max_files": "many"},
}
LINE = re.compile(r"(GET|POST|PUT) +(\S+) +((?:htmx|closed) +)?(.*)")
PEOPLE = ("ada", "abe", "sam", "lea", "tomas", "cleo", "omar", "nobody")


def table(text: str) -> list[tuple[str, str, str, dict[str, str]]]:
    """Rows as (method, address, manner, expected by column)."""
    rows = []
    for line in text.strip().splitlines():
        found = LINE.fullmatch(line.strip())
        assert found, line
        method, address, manner, cells = found.groups()
        words = cells.split()
        rows.append((method, address, (manner or "").strip(), dict(zip(words[::2], words[1::2], strict=True))))
    return rows


def sight() -> dict[str, dict[str, str]]:
    """Who sees which conversation as what."""
    header, *lines = SIGHT.strip().splitlines()
    seen = {}
    for line in lines:
        who, *cells = line.split()
        seen[who] = dict(zip(header.split(), cells, strict=True))
    return seen


def ask(browser: Browser, method: str, path: str, manner: str) -> TestResponse:
    """One row of the table, asked as a page would ask."""
    address = path.partition("?")[0]
    headers = {"HX-Request": "true"} if manner == "htmx" else {}
    data = None
    if method != "GET":
        headers["X-CSRFToken"] = browser.token
        data = next((form for end, form in FORMS.items() if address.endswith(f"/{end}")), {})
    exported = path.endswith((".csv", ".jsonl"))  # read to its end, or its context would stay open
    return browser.client.open(path, method=method, headers=headers, data=data, buffered=exported)


@pytest.fixture(scope="module")
def people(world: World) -> dict[str, Browser]:
    web, _ = world
    return {who: web.browser() if who == "nobody" else web.signed_in(who) for who in PEOPLE}


@pytest.fixture(scope="module")
def files(world: World, people: dict[str, Browser]) -> dict[str, int]:
    """Send a file in each conversation, as the user who began it; all have different ids."""
    _, numbers = world
    found = {}
    for number, (name, who) in enumerate(
        (("bakery-cleo", "sam"), ("cycles-jun", "tomas"), ("admin-bakery", "ada"), ("admin-cleo", "ada")), 1
    ):
        place = f"{ROLES[role_of(who)].messages}/{numbers[name]}/messages"
        form = {"csrf_token": people[who].token, "attachments": (BytesIO(b"flour, water, salt"), "list.txt")}
        answer = people[who].client.post(place, data=form, content_type="multipart/form-data")
        assert answer.status_code == 303, answer.get_data(as_text=True)
        found[name] = number
    return found


def test_the_table_speaks_of_every_address(world: World) -> None:
    rows = table(OF_A_CONVERSATION) + table(REMOVAL) + table(OF_A_ROLE) + table(OF_A_STORE)
    written = set()
    for method, address, _manner, _cells in rows:
        for role in ROLES.values():
            path = address.partition("?")[0].replace("R", role.messages, 1) if address[0] == "R" else address
            path = path.replace("H", role.home, 1) if path[0] == "H" else path
            path = path.replace("A", role.account, 1) if path[0] == "A" else path
            path = re.sub(r"<id>|<file>|(?<=/)[0-9]+(?=/|$)", "<id>", path)
            path = re.sub(r"(?<=/reasons/)(other|none)", "<code>", path)
            written.add((method, path.partition("?")[0]))
    routes = [(route, re.sub("<(id|code):[a-z_]+>", r"<\1>", route.rule)) for route in role_routes(world[0].app)]
    missing = [
        str(route)
        for route, rule in routes
        if route.view not in ELSEWHERE
        and (route.method, rule) not in written
        and not (route.method == "POST" and ("PUT", rule) in written)
    ]
    assert missing == []


@pytest.mark.slow
@pytest.mark.parametrize("who", PEOPLE)
def test_what_a_conversation_answers(who: str, world: World, people: dict[str, Browser], files: dict[str, int]) -> None:
    _check_conversations(who, world, people, files, OF_A_CONVERSATION)


@pytest.mark.parametrize("who", sorted(PEOPLE, key=lambda who: who in ("ada", "sam", "tomas", "abe")))
def test_who_may_remove_a_file(who: str, world: World, people: dict[str, Browser], files: dict[str, int]) -> None:
    _check_conversations(who, world, people, files, REMOVAL)


def _check_conversations(who: str, world: World, people: dict[str, Browser], files: dict[str, int], text: str) -> None:
    _, numbers = world
    wrong = []
    for name, number in numbers.items():
        for role in ROLES.values():
            mine = who != "nobody" and role.name == role_of(who)
            column = sight()[who][name] if mine else "out"
            for method, address, manner, cells in table(text):
                expected = cells[column]
                if role.name == "storefront" and cells["C"] == "none":
                    expected = "404"  # there is no such address
                if expected == "skip" or (manner == "closed" and role.name == "storefront"):
                    continue
                path = address.replace("R", role.messages, 1)
                path = path.replace("<id>", str(number)).replace("<file>", str(files[name]))
                answer = ask(people[who], method, path, manner)
                if str(answer.status_code) != expected:
                    wrong.append(f"{who} {method} {path} ({name}) {manner}: {answer.status_code}, not {expected}")
    assert wrong == []


@pytest.mark.parametrize("who", PEOPLE)
def test_what_a_role_answers(who: str, world: World, people: dict[str, Browser]) -> None:
    wrong = []
    for role in ROLES.values():
        mine = who != "nobody" and role.name == role_of(who)
        for method, address, manner, cells in table(OF_A_ROLE):
            if address.startswith("/") and not address.startswith(f"/{role.name}/"):
                continue
            expected = cells[role.name] if mine else cells["out"]
            if cells[role.name] == "none":
                # What a role lacks has no address; where another method stands there, that one is named.
                expected = "405" if address in ("R", "R/new") else "404"
            path = {"R": role.messages, "H": role.home, "A": role.account, "B": f"/{role.name}", "/": "/"}[
                address[0]
            ] + address[1:]
            answer = ask(people[who], method, path, manner)
            if str(answer.status_code) != expected:
                wrong.append(f"{who} {method} {path}: {answer.status_code}, not {expected}")
    assert wrong == []


@pytest.mark.parametrize(("who", "what"), [("sam", "owner"), ("lea", "staff"), ("cleo", "out"), ("nobody", "out")])
def test_what_a_store_answers_its_owner_and_its_staff(who: str, what: str, people: dict[str, Browser]) -> None:
    for method, address, manner, cells in table(OF_A_STORE):
        answer = ask(people[who], method, address, manner)
        assert str(answer.status_code) == cells.get(what, "302"), (who, method, address)


def test_staff_of_two_stores_see_the_store_they_are_in(world: World) -> None:
    web, numbers = world
    lea = web.signed_in("lea")
    assert lea.get(f"/store/messages/{numbers['bakery-cleo']}").status_code == 200
    assert lea.get(f"/store/messages/{numbers['cycles-jun']}").status_code == 404
    assert lea.post("/store/switch", {"store_id": str(web.cast.cycles)}).status_code == 303
    assert lea.get(f"/store/messages/{numbers['bakery-cleo']}").status_code == 404
    assert lea.get(f"/store/messages/{numbers['cycles-jun']}").status_code == 200
