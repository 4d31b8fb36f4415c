"""Setting up, changing and removing one's own second factor. Changes that weaken it ask for the password first."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from messaging_app.actors import Actor
from messaging_app.errors import NotFound, Refusal
from messaging_app.policies import policy_of
from messaging_app.services import passkeys, passwords, second_factor
from messaging_app.web.forms.account import AppCodeForm, ConfirmForm, PasskeyForm
from messaging_app.web.htmx import rendered, see_other, signed_in
from messaging_app.web.second_factor import part_of
from messaging_app.web.views.account import change_password, security_page


def save_security(actor: Actor) -> ResponseReturnValue:
    """Handle the forms of the security page: the code of a new app, or a new password."""
    takes_code = policy_of(actor).offers_second_factor and "code" in request.form
    return _turn_on_app(actor) if takes_code else change_password(actor)


def _turn_on_app(actor: Actor) -> ResponseReturnValue:
    """Turn on the authenticator app. Only this response shows the recovery codes."""
    form = AppCodeForm()
    try:
        codes = second_factor.turn_on(actor, signed_in.session_id, form.code.data or "")
    except Refusal as refusal:
        form.refuse(refusal)
        return security_page(actor, status=refusal.status, part=part_of(actor, code_form=form))
    return _added(actor, codes)


def new_passkey_options(actor: Actor) -> ResponseReturnValue:
    """Return the options to create a passkey, as JSON."""
    return Response(passkeys.creation_options(actor, signed_in.email), mimetype="application/json")


def add_passkey(actor: Actor) -> ResponseReturnValue:
    """Store a passkey that the browser created."""
    form = PasskeyForm()
    try:
        codes = passkeys.add(actor, form.name.data or "", form.credential.data or "")
    except Refusal as refusal:
        form.refuse(refusal)
        form.credential.data = ""
        return security_page(actor, status=refusal.status, part=part_of(actor, passkey_form=form))
    return _added(actor, codes)


def ask_remove_app(actor: Actor) -> ResponseReturnValue:
    """Ask for the password before the authenticator app is removed."""
    return _remove_app_page(actor, ConfirmForm(formdata=None))


def remove_app(actor: Actor) -> ResponseReturnValue:
    """Remove the authenticator app."""
    return _confirmed(actor, lambda password: second_factor.turn_off(actor, password), _remove_app_page)


def ask_remove_passkey(actor: Actor, passkey_id: int) -> ResponseReturnValue:
    """Ask for the password before a passkey is removed."""
    return _remove_passkey_page(actor, ConfirmForm(formdata=None), passkey_id)


def remove_passkey(actor: Actor, passkey_id: int) -> ResponseReturnValue:
    """Remove one of the actor's passkeys."""
    return _confirmed(
        actor,
        lambda password: passkeys.remove(actor, passkey_id, password),
        lambda actor, form, status: _remove_passkey_page(actor, form, passkey_id, status),
    )


def ask_new_codes(actor: Actor) -> ResponseReturnValue:
    """Ask for the password before replacing the recovery codes."""
    return _codes_page(actor, ConfirmForm(formdata=None))


def make_codes(actor: Actor) -> ResponseReturnValue:
    """Replace the recovery codes. Only this response shows them."""
    form = ConfirmForm()
    try:
        codes = second_factor.make_codes(actor, form.current_password.data or "")
    except NotFound:
        raise
    except Refusal as refusal:
        form.refuse(refusal)
        return _codes_page(actor, form, refusal.status)
    return _added(actor, codes)


def _added(actor: Actor, codes: list[str]) -> Response:
    """Render the page with new recovery codes, or redirect if there are none."""
    if not codes:
        return see_other(f"{policy_of(actor).account}/security?saved=factor")
    return security_page(actor, part=part_of(actor, codes=codes))


def _confirmed(
    actor: Actor, act: Callable[[str], None], page: Callable[[Actor, ConfirmForm, int], Response]
) -> Response:
    form = ConfirmForm()
    try:
        act(form.current_password.data or "")
    except NotFound:
        raise
    except Refusal as refusal:
        form.refuse(refusal)
        return page(actor, form, refusal.status)
    return see_other(f"{policy_of(actor).account}/security?saved=factor")


def _remove_app_page(actor: Actor, form: ConfirmForm, status: int = 200) -> Response:
    if second_factor.factors_of(actor.id).app_since is None:
        raise NotFound
    effect = _("Signing in will no longer require a code from it. You will get an e-mail about it.")
    return _page(actor, form, status, _("Remove the authenticator app?"), effect, _("Remove"))


def _remove_passkey_page(actor: Actor, form: ConfirmForm, passkey_id: int, status: int = 200) -> Response:
    name = passkeys.own(actor, passkey_id).name
    effect = _("You can no longer sign in with it. You will get an e-mail about it.")
    return _page(actor, form, status, _("Remove this passkey?"), effect, _("Remove"), name)


def _codes_page(actor: Actor, form: ConfirmForm, status: int = 200) -> Response:
    if not second_factor.factors_of(actor.id).is_on:
        raise NotFound
    effect = _("Your old codes stop working. The new ones are shown only once.")
    return _page(actor, form, status, _("Create new recovery codes?"), effect, _("Create new codes"))


def _page(
    actor: Actor, form: ConfirmForm, status: int, question: str, effect: str, verb: str, passkey_name: str = ""
) -> Response:
    return rendered(
        "account/confirm_factor.html",
        status,
        form=form,
        question=question,
        effect=effect,
        verb=verb,
        passkey_name=passkey_name,
        asks_password=passwords.has_password(actor),
    )
