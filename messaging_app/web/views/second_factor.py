"""Setting up, changing and removing one's own second factor. What weakens it asks for the password on a page of its own."""

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
    """Take what a form of the security page sends: the code of a new app, or a new password."""
    takes_code = policy_of(actor).offers_second_factor and "code" in request.form
    return _turn_on_app(actor) if takes_code else change_password(actor)


def _turn_on_app(actor: Actor) -> ResponseReturnValue:
    """Turn the authenticator app on. The response itself shows the recovery codes; no address can show them again."""
    form = AppCodeForm()
    try:
        codes = second_factor.turn_on(actor, signed_in.session_id, form.code.data or "")
    except Refusal as refusal:
        form.refuse(refusal)
        return security_page(actor, status=refusal.status, part=part_of(actor, code_form=form))
    return _added(actor, codes)


def new_passkey_options(actor: Actor) -> ResponseReturnValue:
    """What the browser needs to make a passkey, as JSON."""
    return Response(passkeys.creation_options(actor, signed_in.email), mimetype="application/json")


def add_passkey(actor: Actor) -> ResponseReturnValue:
    """Keep a passkey that the browser made."""
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
    """Ask for the password before there are new recovery codes."""
    return _codes_page(actor, ConfirmForm(formdata=None))


def make_codes(actor: Actor) -> ResponseReturnValue:
    """Make new recovery codes. The response itself shows them."""
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
    """Show the recovery codes that came with a change, on the page that answers it; without any, redirect."""
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
    effect = _("Signing in no longer requires a code from it. You are told by e-mail.")
    return _page(actor, form, status, _("Remove the authenticator app?"), effect, _("Remove"))


def _remove_passkey_page(actor: Actor, form: ConfirmForm, passkey_id: int, status: int = 200) -> Response:
    name = passkeys.own(actor, passkey_id).name
    effect = _("It no longer signs in to your account. You are told by e-mail.")
    return _page(actor, form, status, _("Remove this passkey?"), effect, _("Remove"), name)


def _codes_page(actor: Actor, form: ConfirmForm, status: int = 200) -> Response:
    if not second_factor.factors_of(actor.id).is_on:
        raise NotFound
    effect = _("The ones you have no longer work. The new ones are shown once.")
    return _page(actor, form, status, _("Make new recovery codes?"), effect, _("Make new codes"))


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
