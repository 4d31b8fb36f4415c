"""Asking for a link to choose a new password, at each of the three sign-ins."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from messaging_app.accounts.cookies import role_of
from messaging_app.accounts.limits import RateLimited
from messaging_app.accounts.sign_in import store_by_code
from messaging_app.actors import ActorType
from messaging_app.errors import Invalid, NotFound
from messaging_app.mail import account
from messaging_app.services import resets
from messaging_app.web.forms.signing_in import ForgotForm
from messaging_app.web.htmx import rendered
from messaging_app.web.views.sign_ins import STORE_COOKIE


def forgot() -> ResponseReturnValue:
    """Show the form; after it always say the same, whether or not anybody has the address."""
    role = role_of(request)
    if role is None:
        raise NotFound
    form, store = ForgotForm(), None
    if role.actor_type == ActorType.CUSTOMER:
        code = request.values.get("store", request.cookies.get(STORE_COOKIE, "")).strip()
        store = store_by_code(code) if code else None
        form.store.data = store.code if store else code
    else:
        del form.store
    if request.method != "POST":
        return rendered("forgot.html", form=form, store=store, is_on=account.is_on())
    if role.actor_type == ActorType.CUSTOMER and store is None:
        form.store.errors = [_("There is no store with this code.")]
        return rendered("forgot.html", 422, form=form, store=None, is_on=account.is_on())
    try:
        resets.ask(role, form.email.data or "", store.id if store else None, request.remote_addr or "")
    except Invalid as refusal:
        form.refuse(refusal)
        return rendered("forgot.html", 422, form=form, store=store, is_on=account.is_on())
    except RateLimited as limited:
        form.email.errors = [_("Too many attempts. Wait a few minutes and try again.")]
        response = rendered("forgot.html", 429, form=form, store=store, is_on=account.is_on())
        response.headers["Retry-After"] = str(limited.retry_after)
        return response
    return rendered("forgot.html", form=form, store=store, is_on=account.is_on(), sent=form.email.data)
