"""Signing in through an identity provider: there, and back with its answer.

What was begun is kept in the role's signed cookie, so only the browser that began it can finish it. The address that
begins is opened by a link and not by a form, for browsers apply `form-action` to every redirect that a form leads to.
Another site can therefore open it too; then it only asks. Nothing is read from the database before the network is
waited for.
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
LIFETIME = 600  # seconds to come back within
TEXT_MAX = 4_096  # characters of a code or state


class NotBegunHere(Refusal):
    """An answer to nothing that this browser asked."""

    status = 400
    code = "not_begun_here"
    sentence = _(
        "This sign-in was not begun in this browser, was finished already, or took too long. Please try again."
    )


class Declined(Refusal):
    """The provider said no, or the person did there."""

    status = 403
    code = "declined"
    sentence = _("You were not signed in at your provider. Please try again.")


def begin_oidc(provider: str) -> ResponseReturnValue:
    """Send the browser to a provider; if another site sent it here, ask first."""
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
    """Take a provider's answer, once, and sign in whose it is; or connect it with who is signed in and asked for that."""
    role, chosen = _role(), oidc.get_provider(provider)
    begun = session.get(BEGUN) or {}
    try:
        if begun.get("provider") != provider or not compare_digest(_argument("state"), begun["state"].encode()):
            raise NotBegunHere  # what this browser did begin stays as it is: another site may have sent it here
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
    return second_step.enter(role, person, begun["next"], provider=provider)  # a second factor is the provider's matter


def connect_identity(_actor: Actor, provider: str) -> ResponseReturnValue:
    """Begin to connect a provider with the account of who is signed in: the answer that comes next is connected."""
    chosen = oidc.get_provider(provider)
    session[TO_CONNECT] = provider
    return rendered("oidc/connect.html", provider=chosen)


def disconnect_identity(actor: Actor, identity_id: int) -> ResponseReturnValue:
    """Take an identity away from the account of who is signed in."""
    try:
        identities.disconnect(actor, identity_id)
    except identities.OnlyWayIn as refusal:
        return account.security_page(actor, status=refusal.status, refusal=refusal.detail)
    return see_other(f"{policy_of(actor).account}/security?saved=disconnected")


def _profile(chosen: Provider, begun: Begun, callback: str) -> Profile:
    """Ask the provider whose code this is; only failures are counted."""
    if "iss" in request.args and request.args["iss"] != chosen.issuer:
        raise AnswerRefused(chosen.label)  # the answer of another provider (RFC 9207)
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
