"""The checks before every request of a role: sign-in, origin, and the size of the body."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import cast
from urllib.parse import quote

from flask import Response, abort, current_app, g, request
from flask.typing import ResponseReturnValue

from messaging_app.accounts.cookies import role_of
from messaging_app.accounts.last_use import note_use
from messaging_app.accounts.sessions import seen_now
from messaging_app.db.types import MAX_ID
from messaging_app.errors import NotAllowed, NotFound
from messaging_app.extensions import csrf, login
from messaging_app.models import SignInSession
from messaging_app.ops.request_log import request_id
from messaging_app.policies import Resource, RolePolicy, policy_of
from messaging_app.services import audit
from messaging_app.services.upload_limits import get_limits
from messaging_app.web import error_pages
from messaging_app.web.bodies import SMALL, sender_is_known
from messaging_app.web.htmx import is_htmx, is_poll, make_response, see_other, signed_in
from messaging_app.web.origin import check_origin
from messaging_app.web.urls import parts_of
from messaging_app.web.views import (
    account,
    asking,
    compose,
    home,
    messages,
    notes,
    saved_replies,
    second_factor,
    store_settings,
    stores,
)

SAFE = ("GET", "HEAD", "OPTIONS")
TAKE_FILES = (
    messages.send,
    notes.add_note,
    compose.create,
    asking.create_question,
    compose.new,  # also takes a POST: searching recipients without scripts
    stores.create_store,
    stores.save_store,
    store_settings.save_store_settings,
    saved_replies.import_saved_replies,
)


ENROLMENT = (  # the only views open once the grace period of a required second factor is over
    account.security,
    second_factor.save_security,
    second_factor.new_passkey_options,
    second_factor.add_passkey,
)


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
    """Redirect a user who must set up a second factor to the page for it; a poll gets a bare 401."""
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
