"""Signing in through an identity provider: the redirect there, and the callback.

The state is kept in the role's signed cookie, so only the browser that began can finish. Sign-in begins with a link, not
a form, because browsers apply `form-action` to every redirect after a form. Other sites can open that link too; then the
page asks first. Nothing is read from the database before the network requests.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import TYPE_CHECKING

from flask import current_app, redirect, request, session
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _

from messaging_app import oidc
from messaging_app.accounts import failures
from messaging_app.accounts.cookies import role_of
from messaging_app.accounts.limits import limiter
from messaging_app.accounts.sign_in import Person
from messaging_app.actors import Actor
from messaging_app.db.engine import now
from messaging_app.errors import Refusal
from messaging_app.oidc.answers import AnswerRefused, Begun, Profile
from messaging_app.policies import RolePolicy, policy_of
from messaging_app.services import audit, identities
from messaging_app.web.htmx import rendered, see_other, signed_in
from messaging_app.web.urls import local_path
from messaging_app.web.views import account, second_step, sign_ins

if TYPE_CHECKING:
    from messaging_app.oidc.provider import Provider

BEGUN, TO_CONNECT = "oidc", "oidc_connect"  # in the role's cookie
LIFETIME = 600  # seconds to return from the provider
TEXT_MAX = 4_096  # characters of a code or state


class NotBegunHere(Refusal):
    """The callback does not belong to a sign-in begun in this browser."""

    status = 400
    code = "not_begun_here"
    sentence = _(
        "This sign-in was started in another browser, is already finished, or took too long. Please try again."
    )


class Declined(Refusal):
    """The provider refused, or the person cancelled there."""

    status = 403
    code = "declined"
    sentence = _("You were not signed in at your provider. Please try again.")


def begin_oidc(provider: str) -> ResponseReturnValue:
    """Redirect to a provider; if another site linked here, ask first."""
    role, chosen = _role(), oidc.get_provider(provider)
    if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        return rendered("oidc/begin.html", provider=chosen)
    onward = local_path(request.args.get("next", ""), role) or ""
    try:
        address, begun = chosen.begin(oidc.callback_address(role, provider))
    except Refusal as refusal:
        return sign_ins.refused(role, refusal, onward)
    session[BEGUN] = {
        **begun._asdict(),
        "provider": provider,
        "next": onward,
        "connects": session.pop(TO_CONNECT, None) == provider,
    }
    return redirect(address)


def finish_oidc(provider: str) -> ResponseReturnValue:
    """Handle a provider's callback, once: sign in the person, or connect the identity to the signed-in user."""
    role, chosen = _role(), oidc.get_provider(provider)
    begun = session.get(BEGUN) or {}
    try:
        if begun.get("provider") != provider or not compare_digest(_argument("state"), begun["state"].encode()):
            raise NotBegunHere  # keep the state: another site may have sent the browser here
        del session[BEGUN]
        if now().timestamp() - begun["at"] > LIFETIME:
            raise NotBegunHere
        profile = _profile(
            chosen, Begun(*(begun[name] for name in Begun._fields)), oidc.callback_address(role, provider)
        )
        if begun["connects"]:
            return _connect(role, provider, profile)
        person = _recognise(role, provider, profile)
    except Refusal as refusal:
        return sign_ins.refused(role, refusal, begun.get("next", ""))
    return second_step.enter(role, person, begun["next"], provider=provider)  # its own second factor


def connect_identity(_actor: Actor, provider: str) -> ResponseReturnValue:
    """Begin to connect a provider to the actor's account. The next callback connects the identity."""
    chosen = oidc.get_provider(provider)
    session[TO_CONNECT] = provider
    return rendered("oidc/connect.html", provider=chosen)


def disconnect_identity(actor: Actor, identity_id: int) -> ResponseReturnValue:
    """Disconnect an identity from the actor's account."""
    try:
        identities.disconnect(actor, identity_id)
    except identities.OnlyWayIn as refusal:
        return account.security_page(actor, status=refusal.status, refusal=refusal.detail)
    return see_other(f"{policy_of(actor).account}/security?saved=disconnected")


def _profile(chosen: Provider, begun: Begun, callback: str) -> Profile:
    """Exchange the code for a profile. Only failures count towards the limit."""
    if "iss" in request.args and request.args["iss"] != chosen.issuer:
        raise AnswerRefused(chosen.label)  # the response of another provider (RFC 9207)
    if "error" in request.args:
        current_app.logger.info("identity provider %s declined a sign-in", chosen.name)
        raise Declined
    code = _argument("code").decode(errors="replace")
    if not code:
        raise AnswerRefused(chosen.label)
    limiter.hit("sign_in_address", request.remote_addr or "")
    profile = chosen.finish(code, begun, callback)
    limiter.give_back("sign_in_address", request.remote_addr or "")
    return profile


def _recognise(role: RolePolicy, provider: str, profile: Profile) -> Person:
    try:
        return identities.sign_in(role, provider, profile)
    except Refusal as refusal:
        about = audit.Object("identity", profile.subject[:100], profile.name[:200], profile.email[:254])
        failures.record_refusal(role, provider, about, refusal.code, request.remote_addr or "")
        raise


def _connect(role: RolePolicy, provider: str, profile: Profile) -> ResponseReturnValue:
    if not signed_in.is_authenticated:
        raise NotBegunHere
    identities.connect(signed_in.actor, provider, profile)
    return see_other(f"{role.account}/security?saved=connected")


def _role() -> RolePolicy:
    role = role_of(request)
    assert role is not None, "mounted below the roles only"
    return role


def _argument(name: str) -> bytes:
    return request.args.get(name, "")[:TEXT_MAX].encode(errors="replace")
