"""The mounts of the three roles: which resource has which path. A role without a right has no path for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import cast
from urllib.parse import quote

from flask import Blueprint, Flask, Response, abort, current_app, g, request
from flask.typing import ResponseReturnValue
from werkzeug.routing import BaseConverter

from messaging_app.accounts.last_use import note_use
from messaging_app.accounts.sessions import role_of, seen_now
from messaging_app.db.types import MAX_ID
from messaging_app.errors import NotAllowed, NotFound
from messaging_app.extensions import csrf, login
from messaging_app.models import SignInSession
from messaging_app.ops.request_log import request_id
from messaging_app.policies import CONSOLE, ROLES, Resource, RolePolicy, policy_of
from messaging_app.services import audit
from messaging_app.services.attachments import get_limits
from messaging_app.web import error_pages
from messaging_app.web.bodies import SMALL, sender_is_known
from messaging_app.web.console import CONSOLE_VIEWS
from messaging_app.web.htmx import is_htmx, is_poll, make_response, see_other, signed_in
from messaging_app.web.origin import check_origin
from messaging_app.web.urls import parts_of
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
    store_settings,
    stores,
    stream,
    tokens,
    turns,
    undo,
)

SAFE = ("GET", "HEAD", "OPTIONS")
TAKE_FILES = (
    messages.send,
    notes.add_note,
    compose.create,
    asking.create_question,
    compose.new,  # has its form sent too, to search without scripts
    stores.create_store,
    stores.save_store,
    store_settings.save_store_settings,
    saved_replies.import_saved_replies,
)


ENROLMENT = (  # all that is open once the grace of a required second factor is over
    account.security,
    second_factor.save_security,
    second_factor.new_passkey_options,
    second_factor.add_passkey,
)


class IdConverter(BaseConverter):
    """A positive integer in ASCII digits that fits the database.

    The pattern contains the whole rule: a converter that rejects a number later makes Werkzeug return 405, not 404.
    """

    regex = r"[1-9][0-9]{0,17}"

    def to_python(self, value: str) -> int:
        return int(value)


def mount_roles(app: Flask) -> None:
    """Register the blueprints of the three roles and the front page."""
    app.url_map.converters["id"] = IdConverter
    app.before_request(note_origin)
    app.teardown_request(lambda _error: audit.set_origin(None))
    app.add_url_rule("/", "index", home.index)
    for role in ROLES.values():
        app.register_blueprint(mount(role))


def mount(role: RolePolicy) -> Blueprint:
    """Return the blueprint of one role: sign-in is public, everything else requires it."""
    blueprint = Blueprint(role.name, __name__, url_prefix=f"/{role.name}")
    messages_at = role.messages.removeprefix(f"/{role.name}")
    home_at = role.home.removeprefix(f"/{role.name}")
    account_at = role.account.removeprefix(f"/{role.name}")

    def open_to_all(rule: str, view: Callable[..., ResponseReturnValue], *methods: str) -> None:
        blueprint.add_url_rule(rule, view.__name__, view, methods=methods)

    def behind_door(rule: str, view: Callable[..., ResponseReturnValue], *methods: str) -> None:
        blueprint.add_url_rule(rule, view.__name__, as_actor(view), methods=methods)

    open_to_all("/login", sign_ins.login, "GET", "POST")
    open_to_all("/logout", sign_ins.logout, "POST")
    open_to_all("/forgot", forgot.forgot, "GET", "POST")
    if role.single_sign_on:
        open_to_all("/login/oidc/<provider>", oidc.begin_oidc, "GET")
        open_to_all("/login/oidc/<provider>/callback", oidc.finish_oidc, "GET")
        behind_door("/login/oidc/<provider>/connect", oidc.connect_identity, "POST")
        behind_door(f"{account_at}/identities/<id:identity_id>/disconnect", oidc.disconnect_identity, "POST")
    behind_door(home_at, home.home, "GET")
    behind_door(messages_at, conversations.inbox, "GET")
    behind_door(f"{messages_at}/unread-count", badge.unread_count, "GET")
    behind_door(f"{messages_at}/events", stream.events, "GET")
    behind_door(f"{messages_at}/<id:conversation_id>/typing", stream.typing, "POST")
    behind_door(f"{messages_at}/<id:conversation_id>", conversations.thread, "GET")
    behind_door(f"{messages_at}/<id:conversation_id>/messages", messages.send, "POST")
    behind_door(f"{messages_at}/<id:conversation_id>/messages", messages.since, "GET")
    behind_door(f"{messages_at}/<id:conversation_id>/read", readings.mark_read, "PUT", "POST")
    behind_door(f"{messages_at}/<id:conversation_id>/preferences", preferences.set_mail, "PUT", "POST")
    file_at = f"{messages_at}/<id:conversation_id>/attachments/<id:attachment_id>"
    behind_door(file_at, attachments.download, "GET")
    behind_door(f"{file_at}/thumbnail", attachments.thumbnail, "GET")
    behind_door(f"{file_at}/remove", attachments.remove, "POST")
    if role.account != role.home:
        behind_door(account_at, account.profile, "GET")
    behind_door(account_at, account.save_profile, "POST")
    behind_door(f"{account_at}/email", account.change_email, "POST")
    behind_door(f"{account_at}/security", account.security, "GET")
    behind_door(f"{account_at}/security", second_factor.save_security, "POST")
    if role.offers_second_factor:
        app_at, keys_at = f"{account_at}/security/authenticator", f"{account_at}/security/passkeys"
        open_to_all("/login/passkey", sign_ins.passkey_options, "GET")
        open_to_all("/login/passkey", sign_ins.passkey_login, "POST")
        behind_door(f"{app_at}/remove", second_factor.ask_remove_app, "GET")
        behind_door(f"{app_at}/remove", second_factor.remove_app, "POST")
        behind_door(f"{account_at}/security/codes", second_factor.ask_new_codes, "GET")
        behind_door(f"{account_at}/security/codes", second_factor.make_codes, "POST")
        behind_door(keys_at, second_factor.add_passkey, "POST")
        behind_door(keys_at, second_factor.new_passkey_options, "GET")
        behind_door(f"{keys_at}/<id:passkey_id>/remove", second_factor.ask_remove_passkey, "GET")
        behind_door(f"{keys_at}/<id:passkey_id>/remove", second_factor.remove_passkey, "POST")
    if role.tells_what_is_stored:
        behind_door(f"{account_at}/data", account.stored_data, "GET")
    behind_door(f"{account_at}/sessions", account.sessions, "GET")
    behind_door(f"{account_at}/sessions/end", account.end_other_sessions, "POST")
    behind_door(f"{account_at}/sessions/<id:session_id>/end", account.end_session, "POST")
    behind_door(f"{home_at}/tokens", tokens.tokens_page, "GET")
    behind_door(f"{home_at}/tokens", tokens.create_token, "POST")
    behind_door(f"{home_at}/tokens/<id:token_id>/revoke", tokens.revoke_token, "POST")
    behind_door(f"{home_at}/preferences", person.preferences, "GET")
    behind_door(f"{home_at}/preferences", person.save_preferences, "POST")
    if not role.chooses_recipients:
        behind_door(f"{messages_at}/new", asking.ask, "GET")
        behind_door(messages_at, asking.create_question, "POST")
    if role.chooses_recipients:
        behind_door(f"{messages_at}/new", compose.new, "GET", "POST")
        behind_door(f"{messages_at}/recipients", compose.recipients, "GET")
        behind_door(f"{messages_at}/contexts", compose.contexts_of_recipient, "GET")
        behind_door(messages_at, compose.create, "POST")
    if role.has_team:
        behind_door(f"{messages_at}/<id:conversation_id>/others", conversations.others, "GET")
        replies_at = f"{messages_at}/<id:conversation_id>/saved-replies"
        behind_door(replies_at, saved_replies.offer_saved_replies, "GET")
        behind_door(f"{replies_at}/<id:reply_id>", saved_replies.use_saved_reply, "POST")
    if role.may_close:
        behind_door(f"{messages_at}/<id:conversation_id>/close", closures.close, "POST")
        behind_door(f"{messages_at}/<id:conversation_id>/reopen", closures.reopen, "POST")
    if role.has_team:
        at = f"{messages_at}/<id:conversation_id>"
        behind_door(f"{at}/no-reply-needed", turns.rule_reply_out, "POST")
        behind_door(f"{at}/assignee", turns.assign, "GET")
        behind_door(f"{at}/assignee", turns.save_assignee, "POST")
        behind_door(f"{at}/snooze", turns.snooze, "GET")
        behind_door(f"{at}/snooze", turns.save_snooze, "POST")
        behind_door(f"{at}/notes", notes.add_note, "POST")
        behind_door(f"{at}/notes/attachments/<id:attachment_id>", attachments.download_of_note, "GET")
        behind_door(f"{at}/notes/attachments/<id:attachment_id>/thumbnail", attachments.thumbnail_of_note, "GET")
        behind_door(f"{at}/messages/<id:delayed_id>/undo", undo.undo_send, "POST")
        behind_door(f"{at}/messages/<id:delayed_id>/files/<id:place>", undo.taken_back_file, "GET")
        behind_door(f"{at}/unread", turns.mark_unread, "POST")
        behind_door(f"{messages_at}/bulk", bulk.act_on_many, "POST")
        behind_door(f"{messages_at}/bulk/undo", bulk.undo_many, "POST")
    for resource in CONSOLE.values():
        for suffix, view, method, changes in CONSOLE_VIEWS[resource.name] if role.name in resource.at else ():
            rule = resource.at[role.name].removeprefix(f"/{role.name}") + suffix
            guarded = as_actor(view, resource, changes)
            blueprint.add_url_rule(rule, view.__name__, guarded, methods=[method])
    if role.name == "store":
        behind_door("/switch", sign_ins.switch, "POST")
    if role.name == "storefront":
        open_to_all("/logo/<name>", home.logo, "GET")
    blueprint.before_request(check_door)
    return blueprint


def as_actor(
    view: Callable[..., ResponseReturnValue], resource: Resource | None = None, changes: bool = False
) -> Callable[..., ResponseReturnValue]:
    """Require the role's sign-in for `view` and pass the actor as its first argument.

    With a console `resource` the actor must see it, and be allowed to change it if the view `changes` it.
    """

    @wraps(view)
    def entered(**path: object) -> ResponseReturnValue:
        actor = signed_in.actor
        if resource and not resource.is_seen_by(actor):
            raise NotFound
        if resource and changes and not resource.is_changed_by(actor):
            raise NotAllowed
        return view(actor, **path)

    entered.behind_door = True  # type: ignore[attr-defined] # read by check_door and by the tests of the rules
    return entered


def check_door() -> ResponseReturnValue | None:
    """Before every request of a role: check the sign-in and the origin, and record the session's use."""
    view = current_app.view_functions[request.endpoint or ""]
    guarded = getattr(view, "behind_door", False)
    if guarded and not signed_in.is_authenticated:
        return cast(Response, login.unauthorized())
    if guarded:
        g.actor = signed_in.actor
        note_origin(signed_in.session_id)
        sender_is_known()
    else:
        request.max_content_length = SMALL  # a sign-in form is never larger
    shown_to = request.headers.get("X-Shown-To") if guarded else None
    if shown_to is not None and shown_to != signed_in.shown_to and is_htmx():
        return make_response("", 412)  # another tab has switched store or user
    if guarded and signed_in.must_enrol and getattr(view, "__wrapped__", None) not in ENROLMENT:
        return lead_to_enrolment()
    if request.method not in SAFE:
        check_origin()
        if getattr(view, "__wrapped__", None) in TAKE_FILES and request.mimetype == "multipart/form-data":
            make_room_for_files()
        csrf.protect()
    if guarded and not is_poll():
        note_use(SignInSession, signed_in.session_id, signed_in.last_used_at, **seen_now())
    return home.offer_store() if guarded and "store" in request.args else None


def note_origin(session_id: int | None = None) -> None:
    """Record the request's origin for the audit trail."""
    audit.set_origin(audit.Origin(request.remote_addr or "", session_id, request_id() or ""))


def make_room_for_files() -> None:
    """Allow a large form up to the limit in the settings, which are read only for forms larger than any text."""
    if (request.content_length or MAX_ID) > int(current_app.config["MAX_CONTENT_LENGTH"]):
        g.upload_limits = get_limits()
        request.max_content_length = g.upload_limits.request_bytes


def lead_to_enrolment() -> Response:
    """Lead somebody who must set up a second factor to the page for it; a poll gets a bare 401."""
    role = policy_of(signed_in.actor)
    if is_poll():
        return make_response("", 401)
    back = request.full_path.rstrip("?") if request.method == "GET" else _page_of(role, "Referer")
    address = f"{role.account}/security?next={quote(back)}"
    return make_response("", 401, redirect=address) if is_htmx() else see_other(address)


@login.unauthorized_handler  # type: ignore[untyped-decorator]
def signed_out() -> Response:
    """Return a bare 401 for a poll, otherwise a redirect to the sign-in page with the way back."""
    role = role_of(request)
    if role is None:
        abort(404)
    if is_poll():
        return make_response("", 401)
    if is_htmx():
        return make_response("", 401, redirect=f"{role.login}?next={quote(_page_of(role, 'HX-Current-URL'))}&ended")
    back = request.full_path.rstrip("?") if request.method == "GET" else _page_of(role, "Referer")
    store = f"&store={quote(request.args['store'])}" if role.name == "storefront" and "store" in request.args else ""
    return error_pages.signed_out(f"{role.login}?next={quote(back)}{store}")


def _page_of(role: RolePolicy, header: str) -> str:
    """Return the page a request came from, according to a header; the inbox by default."""
    page = parts_of(request.headers.get(header, ""))
    ours = page.path.startswith(f"/{role.name}/")
    return page._replace(scheme="", netloc="", fragment="").geturl() if ours else role.messages
