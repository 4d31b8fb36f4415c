"""A user's own account: profile, security and sessions, the same pages for every role."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response, request
from flask.typing import ResponseReturnValue

from messaging_app import oidc
from messaging_app.actors import Actor
from messaging_app.errors import Invalid
from messaging_app.mail import account
from messaging_app.policies import policy_of
from messaging_app.services import email_changes, identities, own_sessions, passwords, profiles
from messaging_app.services.identities import Connected
from messaging_app.services.stored_data import get_stored
from messaging_app.web.forms.account import EmailForm, PasswordForm, ProfileForm
from messaging_app.web.htmx import rendered, see_other, signed_in
from messaging_app.web.second_factor import SecondFactorPart, part_of

if TYPE_CHECKING:
    from messaging_app.oidc.provider import Provider


def profile(actor: Actor) -> ResponseReturnValue:
    """Show name and e-mail address."""
    return profile_page(actor)


def save_profile(actor: Actor) -> ResponseReturnValue:
    """Change the name."""
    form = ProfileForm()
    try:
        profiles.rename(actor, form.name.data or "")
    except Invalid as refusal:
        form.refuse(refusal)
        return profile_page(actor, form, refusal.status)
    return see_other(f"{policy_of(actor).account}?saved=profile")


def change_email(actor: Actor) -> ResponseReturnValue:
    """Request a new e-mail address."""
    form = EmailForm()
    try:
        email_changes.ask(actor, form.email.data or "", form.current_password.data or "")
    except Invalid as refusal:
        form.refuse(refusal)
        return profile_page(actor, None, refusal.status, email_form=form)
    return see_other(f"{policy_of(actor).account}?saved=asked")


def profile_page(actor: Actor, form: ProfileForm | None = None, status: int = 200, **more: Any) -> Response:
    """Render the page, with forms as submitted or with current values."""
    context: dict[str, Any] = {
        "form": form or ProfileForm(name=actor.name, formdata=None),
        "email_form": EmailForm(formdata=None),
        "asked_email": email_changes.get_asked(actor),
        "mail_is_on": account.is_on(),
        "saved": request.args.get("saved"),
    }
    return rendered("account/profile.html", status, **(context | more))


def security(actor: Actor) -> ResponseReturnValue:
    """Show the page for password and second factor."""
    return security_page(actor)


def change_password(actor: Actor) -> ResponseReturnValue:
    """Change the password; all other sessions end."""
    form = PasswordForm()
    try:
        passwords.change_password(
            actor,
            signed_in.session_id,
            form.current_password.data or "",
            form.password.data or "",
            keep_tokens=bool(form.keep_tokens.data),
        )
    except Invalid as refusal:
        form.refuse(refusal)
        return security_page(actor, form, refusal.status)
    return see_other(f"{policy_of(actor).account}/security?saved=password")


def security_page(
    actor: Actor,
    form: PasswordForm | None = None,
    status: int = 200,
    part: SecondFactorPart | None = None,
    refusal: object = "",
) -> Response:
    """Render the page, with forms as submitted or empty. `refusal` is a sentence about a provider."""
    if part is None and policy_of(actor).offers_second_factor:
        part = part_of(actor)
    return rendered(
        "account/security.html",
        status,
        form=form or PasswordForm(formdata=None),
        has_password=passwords.has_password(actor),
        token_count=passwords.count_tokens(actor),
        connections=connections(actor),
        saved=request.args.get("saved"),
        part=part,
        refusal=refusal,
    )


def connections(actor: Actor) -> list[tuple[Provider, Connected | None]]:
    """Return the identity providers of this role, each with the actor's connected identity or None."""
    providers = oidc.providers().values() if policy_of(actor).single_sign_on else ()
    own = {identity.issuer: identity for identity in identities.list_identities(actor)} if providers else {}
    return [(provider, own.get(provider.issuer)) for provider in providers]


def sessions(actor: Actor) -> ResponseReturnValue:
    """List the actor's sessions."""
    return rendered("account/sessions.html", sessions=own_sessions.list_own(actor), saved=request.args.get("saved"))


def end_session(actor: Actor, session_id: int) -> ResponseReturnValue:
    """End one of the actor's sessions."""
    own_sessions.end(actor, session_id)
    return see_other(f"{policy_of(actor).account}/sessions?saved=ended")


def end_other_sessions(actor: Actor) -> ResponseReturnValue:
    """End all of the actor's sessions except this one."""
    own_sessions.end_others(actor, signed_in.session_id)
    return see_other(f"{policy_of(actor).account}/sessions?saved=ended")


def stored_data(actor: Actor) -> ResponseReturnValue:
    """Show the data stored about this customer."""
    return rendered("account/data.html", stored=get_stored(actor))
