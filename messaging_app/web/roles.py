"""The mounts of the three roles: which resource has which path. A role without a right has no path for it."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Flask
from flask.typing import ResponseReturnValue
from werkzeug.routing import BaseConverter

from messaging_app.models.reason import CODE as REASON_CODE
from messaging_app.policies import CONSOLE, ROLES, RolePolicy
from messaging_app.services import audit
from messaging_app.web.console import CONSOLE_VIEWS
from messaging_app.web.door import as_actor, check_door, note_origin
from messaging_app.web.views import (
    account,
    asking,
    attachments,
    badge,
    bulk,
    closures,
    compose,
    conversations,
    forgot,
    home,
    messages,
    notes,
    oidc,
    person,
    preferences,
    readings,
    saved_replies,
    second_factor,
    sign_ins,
    stream,
    tokens,
    turns,
    undo,
)

View = Callable[..., ResponseReturnValue]


class IdConverter(BaseConverter):
    """A positive integer in ASCII digits that fits the database.

    The pattern contains the whole rule: a converter that rejects a number later makes Werkzeug return 405, not 404.
    """

    regex = r"[1-9][0-9]{0,17}"

    def to_python(self, value: str) -> int:
        return int(value)


class CodeConverter(BaseConverter):
    """The code of a reason."""

    regex = REASON_CODE


def mount_roles(app: Flask) -> None:
    """Register the blueprints of the three roles and the front page."""
    app.url_map.converters.update(id=IdConverter, code=CodeConverter)
    app.before_request(note_origin)
    app.teardown_request(lambda _error: audit.set_origin(None))
    app.add_url_rule("/", "index", home.index)
    for role in ROLES.values():
        app.register_blueprint(mount(role))


class Mount:
    """The blueprint of one role: a view that is not `open_to_all` requires the role's sign-in."""

    def __init__(self, role: RolePolicy) -> None:
        self.role = role
        self.blueprint = Blueprint(role.name, __name__, url_prefix=f"/{role.name}")
        self.messages, self.home, self.account = map(self.within, (role.messages, role.home, role.account))

    def within(self, address: str) -> str:
        """Return an address of the role without the prefix of its blueprint."""
        return address.removeprefix(f"/{self.role.name}")

    def open_to_all(self, rule: str, view: View, *methods: str) -> None:
        self.blueprint.add_url_rule(rule, view.__name__, view, methods=methods)

    def behind_door(self, rule: str, view: View, *methods: str) -> None:
        self.blueprint.add_url_rule(rule, view.__name__, as_actor(view), methods=methods)


def mount(role: RolePolicy) -> Blueprint:
    """Return the blueprint of one role with all that it may reach."""
    at = Mount(role)
    for mount_part in (mount_sign_in, mount_messages, mount_writing, mount_account, mount_console):
        mount_part(at, role)
    if role.has_team:
        mount_team(at)
    at.blueprint.before_request(check_door)
    return at.blueprint


def mount_sign_in(at: Mount, role: RolePolicy) -> None:
    """Mount signing in and out, and the pages open to everybody."""
    at.open_to_all("/login", sign_ins.login, "GET", "POST")
    at.open_to_all("/logout", sign_ins.logout, "POST")
    at.open_to_all("/forgot", forgot.forgot, "GET", "POST")
    if role.single_sign_on:
        at.open_to_all("/login/oidc/<provider>", oidc.begin_oidc, "GET")
        at.open_to_all("/login/oidc/<provider>/callback", oidc.finish_oidc, "GET")
        at.behind_door("/login/oidc/<provider>/connect", oidc.connect_identity, "POST")
        at.behind_door(f"{at.account}/identities/<id:identity_id>/disconnect", oidc.disconnect_identity, "POST")
    if role.name == "store":
        at.behind_door("/switch", sign_ins.switch, "POST")
    if role.name == "storefront":
        at.open_to_all("/logo/<name>", home.logo, "GET")


def mount_messages(at: Mount, role: RolePolicy) -> None:
    """Mount inbox and thread."""
    at.behind_door(at.messages, conversations.inbox, "GET")
    at.behind_door(f"{at.messages}/unread-count", badge.unread_count, "GET")
    at.behind_door(f"{at.messages}/events", stream.events, "GET")
    at.behind_door(f"{at.messages}/<id:conversation_id>/typing", stream.typing, "POST")
    at.behind_door(f"{at.messages}/<id:conversation_id>", conversations.thread, "GET")
    at.behind_door(f"{at.messages}/<id:conversation_id>/messages", messages.send, "POST")
    at.behind_door(f"{at.messages}/<id:conversation_id>/messages", messages.since, "GET")
    at.behind_door(f"{at.messages}/<id:conversation_id>/read", readings.mark_read, "PUT", "POST")
    at.behind_door(f"{at.messages}/<id:conversation_id>/preferences", preferences.set_mail, "PUT", "POST")
    file_at = f"{at.messages}/<id:conversation_id>/attachments/<id:attachment_id>"
    at.behind_door(file_at, attachments.download, "GET")
    at.behind_door(f"{file_at}/thumbnail", attachments.thumbnail, "GET")
    at.behind_door(f"{file_at}/remove", attachments.remove, "POST")


def mount_account(at: Mount, role: RolePolicy) -> None:
    """Mount the home page, account pages and preferences."""
    at.behind_door(at.home, home.home, "GET")
    if role.account != role.home:
        at.behind_door(at.account, account.profile, "GET")
    at.behind_door(at.account, account.save_profile, "POST")
    at.behind_door(f"{at.account}/email", account.change_email, "POST")
    at.behind_door(f"{at.account}/security", account.security, "GET")
    at.behind_door(f"{at.account}/security", second_factor.save_security, "POST")
    if role.offers_second_factor:
        app_at, keys_at = f"{at.account}/security/authenticator", f"{at.account}/security/passkeys"
        at.open_to_all("/login/passkey", sign_ins.passkey_options, "GET")
        at.open_to_all("/login/passkey", sign_ins.passkey_login, "POST")
        at.behind_door(f"{app_at}/remove", second_factor.ask_remove_app, "GET")
        at.behind_door(f"{app_at}/remove", second_factor.remove_app, "POST")
        at.behind_door(f"{at.account}/security/codes", second_factor.ask_new_codes, "GET")
        at.behind_door(f"{at.account}/security/codes", second_factor.make_codes, "POST")
        at.behind_door(keys_at, second_factor.add_passkey, "POST")
        at.behind_door(keys_at, second_factor.new_passkey_options, "GET")
        at.behind_door(f"{keys_at}/<id:passkey_id>/remove", second_factor.ask_remove_passkey, "GET")
        at.behind_door(f"{keys_at}/<id:passkey_id>/remove", second_factor.remove_passkey, "POST")
    if role.tells_what_is_stored:
        at.behind_door(f"{at.account}/data", account.stored_data, "GET")
    at.behind_door(f"{at.account}/sessions", account.sessions, "GET")
    at.behind_door(f"{at.account}/sessions/end", account.end_other_sessions, "POST")
    at.behind_door(f"{at.account}/sessions/<id:session_id>/end", account.end_session, "POST")
    at.behind_door(f"{at.home}/tokens", tokens.tokens_page, "GET")
    at.behind_door(f"{at.home}/tokens", tokens.create_token, "POST")
    at.behind_door(f"{at.home}/tokens/<id:token_id>/revoke", tokens.revoke_token, "POST")
    at.behind_door(f"{at.home}/preferences", person.preferences, "GET")
    at.behind_door(f"{at.home}/preferences", person.save_preferences, "POST")


def mount_writing(at: Mount, role: RolePolicy) -> None:
    """Mount beginning, closing and reopening conversations."""
    if role.chooses_recipients:
        at.behind_door(f"{at.messages}/new", compose.new, "GET", "POST")
        at.behind_door(f"{at.messages}/recipients", compose.recipients, "GET")
        at.behind_door(f"{at.messages}/contexts", compose.contexts_of_recipient, "GET")
        at.behind_door(f"{at.messages}/reasons", compose.offer_reasons, "GET")
        at.behind_door(at.messages, compose.create, "POST")
    else:
        at.behind_door(f"{at.messages}/new", asking.ask, "GET")
        at.behind_door(at.messages, asking.create_question, "POST")
    if role.may_close:
        at.behind_door(f"{at.messages}/<id:conversation_id>/close", closures.close, "POST")
        at.behind_door(f"{at.messages}/<id:conversation_id>/reopen", closures.reopen, "POST")


def mount_team(at: Mount) -> None:
    """Mount the features that only teams have."""
    thread = f"{at.messages}/<id:conversation_id>"
    at.behind_door(f"{thread}/others", conversations.others, "GET")
    at.behind_door(f"{thread}/saved-replies", saved_replies.offer_saved_replies, "GET")
    at.behind_door(f"{thread}/saved-replies/<id:reply_id>", saved_replies.use_saved_reply, "POST")
    at.behind_door(f"{thread}/no-reply-needed", turns.rule_reply_out, "POST")
    at.behind_door(f"{thread}/assignee", turns.assign, "GET")
    at.behind_door(f"{thread}/assignee", turns.save_assignee, "POST")
    at.behind_door(f"{thread}/snooze", turns.snooze, "GET")
    at.behind_door(f"{thread}/snooze", turns.save_snooze, "POST")
    at.behind_door(f"{thread}/notes", notes.add_note, "POST")
    at.behind_door(f"{thread}/notes/colleagues", notes.colleagues, "GET")
    file_at = f"{thread}/notes/attachments/<id:attachment_id>"
    at.behind_door(file_at, attachments.download_of_note, "GET")
    at.behind_door(f"{file_at}/thumbnail", attachments.thumbnail_of_note, "GET")
    at.behind_door(f"{file_at}/remove", attachments.remove_of_note, "POST")
    at.behind_door(f"{thread}/messages/<id:delayed_id>/undo", undo.undo_send, "POST")
    at.behind_door(f"{thread}/messages/<id:delayed_id>/files/<id:place>", undo.taken_back_file, "GET")
    at.behind_door(f"{thread}/left", stream.leave, "POST")
    at.behind_door(f"{thread}/unread", turns.mark_unread, "POST")
    at.behind_door(f"{at.messages}/bulk", bulk.act_on_many, "POST")
    at.behind_door(f"{at.messages}/bulk", bulk.choose_for_many, "GET")
    at.behind_door(f"{at.messages}/bulk/undo", bulk.undo_many, "POST")


def mount_console(at: Mount, role: RolePolicy) -> None:
    """Mount the resources that the table `CONSOLE` in `policies.py` gives this role."""
    for resource in CONSOLE.values():
        for suffix, view, method, changes in CONSOLE_VIEWS[resource.name] if role.name in resource.at else ():
            rule = at.within(resource.at[role.name]) + suffix
            at.blueprint.add_url_rule(rule, view.__name__, as_actor(view, resource, changes), methods=[method])
