"""A user's own API tokens: create (shown once), list with their use, revoke."""

from __future__ import annotations

from datetime import timedelta

from flask import Response
from flask.typing import ResponseReturnValue

from messaging_app.accounts import tokens
from messaging_app.accounts.limits import limiter
from messaging_app.actors import Actor
from messaging_app.errors import Invalid, NotFound
from messaging_app.policies import policy_of
from messaging_app.web.forms.preferences import TokenForm
from messaging_app.web.htmx import rendered, see_other


def tokens_page(actor: Actor) -> ResponseReturnValue:
    """List the user's tokens in this role."""
    _check_right(actor)
    return _page(actor, TokenForm())


def create_token(actor: Actor) -> ResponseReturnValue:
    """Create a token. Only this response shows it."""
    _check_right(actor)
    form = TokenForm()
    limiter.hit("create", actor.type, actor.id)
    if not form.validate():
        return _page(actor, form, status=422)
    lifetime = timedelta(days=int(form.days.data)) if form.days.data else None
    try:
        owner = (actor.type, actor.id, actor.store_id)
        token = tokens.create_token(*owner, form.name.data or "", lifetime, actor=actor)
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(actor, form, status=refusal.status)
    return _page(actor, TokenForm(formdata=None), token)


def revoke_token(actor: Actor, token_id: int) -> ResponseReturnValue:
    """Revoke a token at once."""
    _check_right(actor)
    tokens.revoke_token(actor, token_id)
    return see_other(f"{policy_of(actor).home}/tokens")


def _check_right(actor: Actor) -> None:
    """Raise `NotFound` for customers if the setting does not allow them tokens."""
    if not tokens.may_manage_tokens(actor):
        raise NotFound


def _page(actor: Actor, form: TokenForm, made: str = "", status: int = 200) -> Response:
    return rendered("tokens/index.html", status, tokens=tokens.list_tokens(actor), form=form, made=made)
