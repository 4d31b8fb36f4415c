"""Whatever changes people, rights or settings is in the audit trail (rule 33): read off the routes and the commands."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from click import Group
from flask import Flask
from sqlalchemy import func, select

import messaging_app
from messaging_app.accounts import links
from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.models import AccountLink, AuditEntry, LinkKind, Passkey
from messaging_app.services import invitations, messaging, notes, trail, trail_words
from tests import cast
from tests.accounts.second_factors import App
from tests.accounts.soft_passkey import SoftPasskey
from tests.conftest import Browser, Web
from tests.web.forms import field
from tests.world import four_conversations

# Views that change something without an entry in the trail; each is listed deliberately.
MESSAGES = {"send", "create", "create_question", "new", "close", "reopen", "mark_read", "typing"}
MESSAGES |= {"rule_reply_out", "save_assignee", "save_snooze", "mark_unread", "add_note", "act_on_many", "undo_many"}
MESSAGES |= {"undo_send", "leave"}
OWN_CHOICE = {"set_mail", "save_preferences", "stop", "switch"}  # of one's own mail, or which own store is looked at
# Texts of a team: no right, no person, no setting.
TEXTS = {"create_saved_reply", "save_saved_reply", "delete_saved_reply", "import_saved_replies", "use_saved_reply"}
TEXTS |= {"create_view", "save_view", "delete_view"}
# Need an installation without people (tests/accounts/test_setup.py), or a provider (tests/accounts/test_oidc.py).
ELSEWHERE = {"finish", "connect_identity", "disconnect_identity"}
COMMANDS_THAT_CHANGE_NOTHING = {
    "demo show",
    "search index",
    "settings list",
    "audit verify",
    "attachments move",
    "oidc check",
    "worker",
}

PASSWORD, NEW_PASSWORD, MESSAGE, WRONG = cast.PASSWORD, "a-planted-password", "a planted message", "planted-wrong-one"


class World(Web):
    """The web with its browsers by name, the four conversations, and the tokens and links that were made."""

    def __init__(self, web: Web) -> None:
        super().__init__(web.app, web.cast)
        self.browsers: dict[str, Browser] = {}
        self.secrets = [PASSWORD, NEW_PASSWORD, MESSAGE, WRONG]
        with self.app.app_context():
            self.numbers = four_conversations(self.cast)

    def by(self, name: str) -> Browser:
        if name not in self.browsers:
            self.browsers[name] = self.signed_in(name)
        return self.browsers[name]

    def entries(self, after: int = 0) -> list[AuditEntry]:
        with self.app.app_context():
            return trail.entries_after(trail.Filters(), after, 1_000)

    def link(self, kind: LinkKind) -> str:
        """The path of a new link of Nadia's, or to the bakery's staff."""
        with self.app.app_context():
            if kind == LinkKind.INVITATION:
                [asked] = invitations.invite(self.cast.ada, "noor@mail.example", "staff", self.cast.bakery)
                path = asked.link.removeprefix(self.app.extensions["settings"].public_url)
            else:
                with writing(db.session) as session:
                    link = links.make(session, kind, "n@x.example", role="store", user_id=self.cast.nadia.id)
                    path = f"/{kind}/{links.token_of(link)}"
        self.secrets.append(path.rsplit("/", 1)[1])
        return path


def post(who: str, path: str, **form: Any) -> Callable[[World], object]:
    def act(world: World) -> object:
        at = path.format(
            **world.cast.__dict__, lea_id=world.cast.lea.id, jun_id=world.cast.jun.id, abe_id=world.cast.abe.id
        )
        browser = world.by(who)
        return browser.post(at, form)

    return act


def edit(who: str, page: str, path: str, **form: Any) -> Callable[[World], object]:
    def act(world: World) -> object:
        browser, numbers = world.by(who), world.cast.__dict__
        version = field(browser.get(page.format(**numbers)).text, "version")
        return browser.post(path.format(**numbers), form | {"version": version})

    return act


def sign_in(password: str) -> Callable[[World], object]:
    return lambda world: world.browser().sign_in("store", "nadia", password)


def sign_out(world: World) -> object:
    return world.signed_in("omar").post("/storefront/logout")


def forget(world: World) -> object:
    settings, browser = world.app.extensions["settings"], world.browser()
    settings.mail_url = "smtp://127.0.0.1:1"  # without mail the page has no form
    browser.get("/store/forgot")
    answer = browser.post("/store/forgot", {"email": cast.EMAILS["sam"]})
    settings.mail_url = None
    return answer


def ask_for_address(world: World) -> object:
    settings = world.app.extensions["settings"]
    settings.mail_url = "smtp://127.0.0.1:1"  # without mail nobody could confirm
    answer = post("sam", f"{OWN}/email", email="s@x.example", current_password=PASSWORD)(world)
    settings.mail_url = None
    return answer


def ask_for_test_mail(world: World) -> object:
    world.app.extensions["settings"].mail_url = "smtp://127.0.0.1:1"
    answer = post("ada", "/admin/system/test-mail")(world)
    world.app.extensions["settings"].mail_url = None
    return answer


def make_token(world: World) -> object:
    answer = world.by("ada").post("/admin/tokens", {"name": "shop", "days": "30"})
    world.secrets.append(answer.text.split("msg_admin_", 1)[1][:48])
    return answer


def remove_file(world: World) -> object:
    with world.app.app_context():
        number = world.numbers["admin-cleo"]
        files = [_Upload("planted-name.txt", b"a planted message")]
        messaging.send_message(world.cast.cleo, number, MESSAGE, uploads=files)
    path = f"/admin/messages/{number}/attachments/1/remove"
    return world.by("ada").post(path, {"reason": MESSAGE})


def remove_file_of_note(world: World) -> object:
    with world.app.app_context():
        number = world.numbers["admin-cleo"]
        notes.write_note(world.cast.abe, number, MESSAGE, uploads=[_Upload("planted-name.txt", b"a planted message")])
    return world.by("ada").post(f"/admin/messages/{number}/notes/attachments/1/remove", {"reason": MESSAGE})


class _Upload:
    def __init__(self, filename: str, content: bytes) -> None:
        self.filename, self.stream = filename, BytesIO(content)


def open_link(kind: LinkKind, **form: str) -> Callable[[World], object]:
    def act(world: World) -> object:
        path, browser = world.link(kind), world.browser()
        browser.get(path)
        return browser.post(path, form)

    return act


def pending(verb: str, *, to_stores: bool = True) -> Callable[[World], object]:
    """What is done with the last invitation to the bakery, or to the admins."""

    def act(world: World) -> object:
        with world.app.app_context():
            newest = invitations.list_pending(world.cast.ada, world.cast.bakery if to_stores else None)[0].id
        return post("ada", f"{BAKERY if to_stores else '/admin/admins'}/invitations/{newest}/{verb}")(world)

    return act


def restore(*, to_stores: bool = True) -> Callable[[World], object]:
    """Undo that the last invitation to the bakery, or to the admins, was withdrawn."""

    def act(world: World) -> object:
        at, store_id = (BAKERY, world.cast.bakery) if to_stores else ("/admin/admins", None)
        with world.app.app_context():
            newest = db.session.scalar(select(func.max(AccountLink.id)).where(AccountLink.store_id == store_id))
        return post("ada", f"{at}/invitations/{newest}/restore")(world)

    return act


def with_two_sessions(who: str, address: Callable[[str], str]) -> Callable[[World], object]:
    """What somebody does from one of two browsers to what their page of sessions names."""

    def act(world: World) -> object:
        world.signed_in(who)
        page = world.by(who).get("/admin/account/sessions").text
        return world.by(who).post(f"/admin/account/sessions{address(page)}")

    return act


def one_of_them(page: str) -> str:
    return re.findall(r"sessions(/\d+/end)", page)[0]


SECURITY = "/admin/account/security"
PASSKEY = SoftPasskey("http://127.0.0.1:5000")


def turn_on_app(world: World) -> object:
    app = App(world.by("abe").get(SECURITY).text)
    world.secrets += [app.secret, app.code()]
    return world.by("abe").post(SECURITY, {"code": app.code()})


def wrong_code(world: World) -> object:
    browser = world.browser()
    browser.sign_in("admin", "abe")
    return browser.post("/admin/login", {"code": WRONG})


def add_passkey(world: World) -> object:
    answer = PASSKEY.create(world.by("abe").get(f"{SECURITY}/passkeys").text)
    return world.by("abe").post(f"{SECURITY}/passkeys", {"name": "Key", "credential": answer})


def use_passkey(world: World) -> object:
    browser = world.browser()
    browser.get("/admin/login")
    answer = PASSKEY.get(browser.get("/admin/login/passkey").text)
    return browser.post("/admin/login/passkey", {"credential": answer})


def reset_factor(world: World) -> object:
    turn_on_app(world)
    return post("ada", f"/admin/admins/{world.cast.abe.id}/reset-factor")(world)


BAKERY, OWN = "/admin/stores/{bakery}/staff", "/store/account"
CHANGED = {"current_password": PASSWORD, "password": NEW_PASSWORD}
STAFF, JUN = f"{BAKERY}/{{lea_id}}", "/admin/customers/{jun_id}"
# View, what its entry is called, and how to bring it about. A view may stand here more than once.
ACTS: list[tuple[str, str, Callable[[World], object]]] = [
    ("login", "sign_in.failed", sign_in(WRONG)),
    ("login", "sign_in.succeeded", sign_in(PASSWORD)),
    ("logout", "session.ended", sign_out),
    ("forgot", "password.reset_asked", forget),
    ("choose_password", "password.reset", open_link(LinkKind.RESET, password=NEW_PASSWORD)),
    ("accept_invitation", "invitation.accepted", open_link(LinkKind.INVITATION, name="Noor", password=NEW_PASSWORD)),
    ("create_token", "token.created", make_token),
    ("revoke_token", "token.revoked", post("ada", "/admin/tokens/1/revoke")),
    ("remove", "attachment.removed", remove_file),
    ("remove_of_note", "attachment.removed", remove_file_of_note),
    ("invite_staff", "invitation.sent", post("ada", BAKERY, emails="kim@mail.example", role="staff")),
    ("resend_to_staff", "invitation.resent", pending("resend")),
    ("withdraw_from_staff", "invitation.withdrawn", pending("withdraw")),
    ("restore_to_staff", "invitation.restored", restore()),
    ("save_profile", "profile.changed", post("tomas", "/store/account", name="Tom")),
    ("change_email", "email.change_asked", ask_for_address),
    ("confirm_email", "email.changed", open_link(LinkKind.CONFIRM)),
    ("save_security", "password.changed", post("tomas", f"{OWN}/security", **CHANGED)),
    ("save_security", "factor.added", turn_on_app),
    ("make_codes", "recovery_codes.made", post("abe", f"{SECURITY}/codes", current_password=PASSWORD)),
    ("login", "sign_in.failed", wrong_code),
    ("remove_app", "factor.removed", post("abe", f"{SECURITY}/authenticator/remove", current_password=PASSWORD)),
    ("add_passkey", "factor.added", add_passkey),
    ("passkey_login", "sign_in.succeeded", use_passkey),
    ("remove_passkey", "factor.removed", post("abe", f"{SECURITY}/passkeys/1/remove", current_password=PASSWORD)),
    ("reset_factor", "factor.reset", reset_factor),
    ("end_other_sessions", "session.ended", with_two_sessions("abe", lambda _page: "/end")),
    ("end_session", "session.ended", with_two_sessions("abe", one_of_them)),
    ("run_doctor", "doctor.asked", post("ada", "/admin/system/doctor")),
    ("send_test_mail", "mail.tested", ask_for_test_mail),
    ("save", "setting.changed", post("ada", "/admin/settings", message_attachment_max_files="7")),
    ("create_reason", "reason.added", post("ada", "/admin/reasons", code="gift", name="Gift", sides="customer")),
    (
        "save_reason",
        "reason.changed",
        edit("ada", "/admin/reasons/gift", "/admin/reasons/gift", name="A gift", sides="store"),
    ),
    ("raise_reason", "reason.sorted", post("ada", "/admin/reasons/gift/up")),
    ("delete_reason", "reason.removed", post("ada", "/admin/reasons/gift/delete")),
    ("change_role", "membership.role_changed", post("ada", f"{STAFF}/role", role="owner")),
    ("remove_member", "membership.removed", post("ada", f"{STAFF}/remove")),
    ("bring_back", "membership.added", post("ada", f"{STAFF}/return")),
    ("create_store", "store.created", post("ada", "/admin/stores", name="Books", code="books", accent="sea")),
    (
        "save_store",
        "store.changed",
        edit("ada", "/admin/stores/{cycles}/edit", "/admin/stores/{cycles}", name="Bikes", accent="sea"),
    ),
    (
        "save_store_settings",
        "store.changed",
        edit("sam", "/store/settings", "/store/settings", name="The Bakery", accent="sea"),
    ),
    ("deactivate_store", "store.deactivated", post("ada", "/admin/stores/{cycles}/deactivate")),
    ("reactivate_store", "store.reactivated", post("ada", "/admin/stores/{cycles}/reactivate")),
    ("invite_admins", "invitation.sent", post("ada", "/admin/admins", emails="mo@mail.example", role="admin")),
    ("resend_to_admin", "invitation.resent", pending("resend", to_stores=False)),
    ("withdraw_from_admin", "invitation.withdrawn", pending("withdraw", to_stores=False)),
    ("restore_to_admin", "invitation.restored", restore(to_stores=False)),
    ("deactivate_user", "user.deactivated", post("ada", "/admin/admins/{abe_id}/deactivate")),
    ("reactivate_user", "user.reactivated", post("ada", "/admin/admins/{abe_id}/reactivate")),
    ("remove_admin", "admin.removed", post("ada", "/admin/admins/{abe_id}/remove")),
    ("bring_admin_back", "admin.added", post("ada", "/admin/admins/{abe_id}/return")),
    ("deactivate_customer", "customer.deactivated", post("ada", f"{JUN}/deactivate")),
    ("reactivate_customer", "customer.reactivated", post("ada", f"{JUN}/reactivate")),
]

DIRECTORY = {"admins": [{"email": "new@mail.example", "name": "New", "password": NEW_PASSWORD}]}
COMMANDS = {
    "settings set": ("setting.changed", ["message_attachment_max_files", "9"]),
    "token create": ("token.created", ["--role", "admin", "--email", cast.EMAILS["ada"], "--name", "shop"]),
    "directory import": ("directory.imported", ["{folder}/people.json"]),
    "audit export": ("export.made", []),
    "check": ("doctor.repaired", ["--repair"]),
    "admin reset-factor": ("factor.reset", ["--email", cast.EMAILS["abe"]]),
    "setup-code": ("setup.code_made", []),
    "demo load": ("demo.loaded", []),
}
NEED_NOBODY = ("setup-code", "demo load")


def test_every_address_that_changes_rights_or_settings_is_in_the_trail(web: Web) -> None:
    """A new view goes into ACTS, with its entry; or above, if it has to do with messages or own choices only."""
    views = {name.rpartition(".")[2] for name in _endpoints_that_change(web.app) if not name.startswith("api")}
    assert views == MESSAGES | OWN_CHOICE | TEXTS | ELSEWHERE | {view for view, _action, _act in ACTS}


def test_every_command_that_changes_rights_or_settings_is_in_the_trail(web: Web) -> None:
    commands = {name for name in _commands(web.app.cli) if not name.startswith("db ")}
    assert commands == COMMANDS_THAT_CHANGE_NOTHING | COMMANDS.keys()


def test_what_is_done_by_page_leaves_its_entry_and_no_secret(web: Web, cheap_passwords: None) -> None:
    world = World(web)
    for view, action, act in ACTS:
        for name in ("ada", "sam"):
            world.by(name)  # their own sign-in is none of this
        last = max((entry.id for entry in world.entries()), default=0)
        answer: Any = act(world)
        assert answer.status_code < 400 or action == "sign_in.failed", (view, answer.status, answer.text[-600:])
        assert action in {entry.action for entry in world.entries(last)}, view
    _check_secrets(world.entries(), world.secrets)
    with web.app.app_context():
        assert trail.verify() is None


def test_what_is_done_by_command_leaves_its_entry_and_no_secret(
    web: Web, kept_sqlite: Any, tmp_path: Path, cheap_passwords: None
) -> None:
    (tmp_path / "people.json").write_text(json.dumps(DIRECTORY))
    world, secrets = World(web), [PASSWORD, NEW_PASSWORD]
    with web.app.app_context(), writing(db.session) as session:
        session.execute(db.text("UPDATE conversation_participants SET unread_count = 9"))  # something to repair
        session.add(Passkey(user_id=web.cast.abe.id, credential_id="x", public_key=b"x", sign_count=0, name="Key"))
    for command, (action, arguments) in COMMANDS.items():
        app = web.app
        if command in NEED_NOBODY:
            app = kept_sqlite.empty()
        words = [word.format(folder=tmp_path) for word in arguments]
        done = app.test_cli_runner().invoke(args=[*command.split(), *words])
        assert done.exit_code == 0, (command, done.output)
        secrets += [done.stdout.strip()] if command in ("token create", "setup-code") else []
        entries = world.entries()
        found = [entry for entry in entries if entry.action == action]
        assert found and {entry.actor_name for entry in found} == {"command line"}, command
        _check_secrets(entries, secrets)


def _check_secrets(entries: list[AuditEntry], secrets: list[str]) -> None:
    written = json.dumps([{c.name: str(getattr(e, c.name)) for c in AuditEntry.__table__.columns} for e in entries])
    for secret in secrets:
        assert secret not in written and secret.replace("-", "") not in written
    assert "argon2" not in written and "planted" not in written


def _endpoints_that_change(app: Flask) -> Iterator[str]:
    for rule in app.url_map.iter_rules():
        if (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}:
            yield rule.endpoint


def _commands(group: Group, path: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        yield from _commands(command, f"{path}{name} ") if isinstance(command, Group) else [f"{path}{name}"]


def test_every_action_has_a_sentence() -> None:
    """An action that is recorded gets its sentence in `services/trail_words.py`."""
    recorded = set()
    for path in Path(messaging_app.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
                ("audit.record", "audit.Change", "_record")
            ):
                recorded |= {
                    word.value for word in ast.walk(node) if isinstance(word, ast.Constant) and is_action(word)
                }
    assert len(recorded) > 25
    assert recorded - set(trail_words.SENTENCES) == set()
    nouns = {noun for _title, nouns in trail_words.GROUPS.values() for noun in nouns}
    assert {action.partition(".")[0] for action in trail_words.SENTENCES} == nouns


def is_action(word: ast.Constant) -> bool:
    return isinstance(word.value, str) and bool(re.fullmatch(r"[a-z_]+\.[a-z_]+", word.value))
