"""The pages behind mailed links: joining, choosing a new password, confirming a new address.

Opening one changes nothing. They are outside the roles, have their own cookie for the CSRF token, and never send their
URL as `Referer`.
"""

from __future__ import annotations

from flask import Blueprint, Flask, Response, request
from flask.typing import ResponseReturnValue

from messaging_app import oidc
from messaging_app.accounts import devices, local_sign_in
from messaging_app.accounts.links import LinkOver, find
from messaging_app.accounts.sessions import end_session_at, signed_in_at, start_session_at
from messaging_app.accounts.signed_in import SignIn
from messaging_app.errors import NotFound, Refusal
from messaging_app.extensions import csrf
from messaging_app.models import LinkKind
from messaging_app.policies import ROLES, policy_of
from messaging_app.services import email_changes, joining, resets
from messaging_app.text import email_key
from messaging_app.web.bodies import SMALL
from messaging_app.web.forms.account import ResetForm
from messaging_app.web.forms.joining import AcceptForm
from messaging_app.web.htmx import rendered, see_other
from messaging_app.web.origin import check_origin

SAFE = ("GET", "HEAD", "OPTIONS")
blueprint = Blueprint("links", __name__)


def init_app(app: Flask) -> None:
    """Register the pages with `app`."""
    app.register_blueprint(blueprint)


@blueprint.before_request
def check_form() -> None:
    """Check that a form came from our own page. `no-referrer` there hides the origin, so browsers may send none."""
    request.max_content_length = SMALL
    if request.method not in SAFE:
        # Check the link first, as GET does: a page without a form has no CSRF token to send.
        find(LinkKind(request.path.split("/")[1]), (request.view_args or {})["token"])
        check_origin(may_be_hidden=True)
        csrf.protect()


@blueprint.after_request
def keep_address(response: Response) -> Response:
    """Set `Referrer-Policy: no-referrer`, because the URL contains the token."""
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@blueprint.errorhandler(LinkOver)
@blueprint.errorhandler(NotFound)
def over(refusal: Refusal) -> ResponseReturnValue:
    """Show what to do if a link no longer works or is incomplete."""
    return rendered("links/over.html", refusal.status, is_known=isinstance(refusal, LinkOver))


@blueprint.get("/invitation/<token>")
def invitation(token: str) -> ResponseReturnValue:
    """Show the invitation and its form; or, if somebody else is signed in, ask whose it is."""
    return _invitation(token, AcceptForm(formdata=None))


@blueprint.post("/invitation/<token>")
def accept_invitation(token: str) -> ResponseReturnValue:
    """Accept the invitation; with `leave` only sign out the other user of this browser."""
    invited, form = joining.open_invitation(token), AcceptForm()
    if "leave" in request.form:
        response = see_other(request.path)
        end_session_at(response, invited.area)
        return response
    current = signed_in_at(invited.area)
    if current is not None and email_key(current.email) != invited.email_key:
        return _invitation(token, form, 409)
    try:
        joined = joining.accept(token, form.name.data or "", form.password.data or "")
    except LinkOver:
        raise
    except Refusal as refusal:
        form.refuse(refusal)
        return _invitation(token, form, refusal.status)
    if not joined.is_proven:  # the link proves only the address; a second factor may still be required
        return see_other(joined.area.messages)
    response = see_other(joined.area.messages)
    start_session_at(response, joined.area, joined.user_id, joined.store_id)
    return response


@blueprint.get("/reset/<token>")
def reset(token: str) -> ResponseReturnValue:
    """Show the form for a new password."""
    return _reset(token, ResetForm(formdata=None))


@blueprint.post("/reset/<token>")
def choose_password(token: str) -> ResponseReturnValue:
    """Set the new password. Signing in is the next step, which may require a second factor."""
    form = ResetForm()
    try:
        done = resets.reset(token, form.password.data or "", keep_tokens=bool(form.keep_tokens.data))
    except (LinkOver, NotFound):
        raise
    except Refusal as refusal:
        form.refuse(refusal)
        return _reset(token, form, refusal.status)
    store = f"&store={done.store.code}" if done.store else ""
    response = see_other(f"{done.area.login}?chosen{store}")
    end_session_at(response, done.area)
    for role, account in resets.accounts_of(done):  # a stranger's wrong guesses must not lock out the new password
        devices.remember(response, role, account)
    return response


@blueprint.get("/confirm/<token>")
def confirmation(token: str) -> ResponseReturnValue:
    """Show whose new address this is, with a button to confirm."""
    return rendered("links/confirm.html", change=email_changes.open_change(token))


@blueprint.post("/confirm/<token>")
def confirm_email(token: str) -> ResponseReturnValue:
    """Confirm the address and go to the account page, after signing in if necessary."""
    try:
        done = email_changes.confirm(token)
    except email_changes.AddressTaken as refusal:
        change = email_changes.open_change(token)
        return rendered("links/confirm.html", refusal.status, change=change, refusal=refusal.detail)
    store = f"&store={done.store.code}" if done.store else ""
    return see_other(f"{done.area.account}?saved=email{store}")


def _invitation(token: str, form: AcceptForm, status: int = 200) -> ResponseReturnValue:
    invited = joining.open_invitation(token)
    current = signed_in_at(invited.area)
    if current is not None and email_key(current.email) != invited.email_key:
        return rendered("links/other_person.html", status, invited=invited, current=current, form=form)
    if invited.name and not form.name.data:
        form.name.data = invited.name
    beside = _somebody_beside(invited)
    return rendered(
        "links/invitation.html",
        status,
        invited=invited,
        form=form,
        providers=list(oidc.providers().values()),
        is_local=local_sign_in.form_for(invited.area.actor_type) == "open",
        beside=beside,
        beside_at=policy_of(beside.actor).messages if beside else "",
    )


def _somebody_beside(invited: joining.Invitation) -> SignIn | None:
    """Return a user signed in to another area of this browser, who may be about to use a colleague's link."""
    others = (role for role in ROLES.values() if role.has_team and role is not invited.area)
    found = (signed_in_at(role) for role in others)
    return next((one for one in found if one and email_key(one.email) != invited.email_key), None)


def _reset(token: str, form: ResetForm, status: int = 200) -> ResponseReturnValue:
    return rendered("links/reset.html", status, reset=resets.open_reset(token), form=form)
