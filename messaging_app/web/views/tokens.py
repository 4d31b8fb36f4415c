"""A person's own API tokens: to make one, shown this once, to see what uses them, to revoke."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from messaging_app.accounts import tokens
from messaging_app.accounts.limits import limiter
from messaging_app.actors import Actor
from messaging_app.errors import FieldError, Invalid
from messaging_app.policies import policy_of
from messaging_app.web.htmx import rendered, see_other


@dataclass(frozen=True, slots=True)
class Form:
    """What was typed, and what is wrong with it. `days` is "" for a token that does not end by itself."""

    name: str = ""
    days: str = "90"
    error: str = ""


def tokens_page(actor: Actor) -> ResponseReturnValue:
    """The tokens of this person in this role."""
    return _page(actor, Form())


def make_token(actor: Actor) -> ResponseReturnValue:
    """Make a token; the answer is the page that shows it, never an address that could be opened again."""
    form = Form(request.form.get("name", ""), request.form.get("days", ""))
    limiter.hit("create", actor.type, actor.id)
    try:
        token = tokens.create_token(actor.type, actor.id, actor.store_id, form.name, _lifetime(form.days))
    except Invalid as refusal:
        error = " ".join(str(fault.message) for fault in refusal.errors)
        return _page(actor, Form(form.name, form.days, error), status=refusal.status)
    return _page(actor, Form(), token)


def revoke_token(actor: Actor, token_id: int) -> ResponseReturnValue:
    """End a token at once."""
    tokens.revoke_token(actor, token_id)
    return see_other(f"{policy_of(actor).home}/tokens")


def _page(actor: Actor, form: Form, made: str = "", status: int = 200) -> Response:
    mine = tokens.list_tokens(actor)
    lifetimes = tokens.LIFETIMES
    return rendered("tokens/index.html", status, tokens=mine, form=form, made=made, lifetimes=lifetimes)


def _lifetime(days: str) -> timedelta | None:
    if days in ("", *map(str, tokens.LIFETIMES)):
        return timedelta(days=int(days)) if days else None
    raise Invalid(FieldError("days", "invalid", _("Choose how long it lives.")))
