"""After the password: sign in, or ask for a second step first.

Between the two steps nobody is signed in. The role's signed cookie remembers for ten minutes who entered the correct
password; it becomes void if the password changes.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import NamedTuple
from urllib.parse import urlencode

from flask import Response, request, session
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from messaging_app.accounts import failures, passkeys, second_step
from messaging_app.accounts.limits import RateLimited, limiter
from messaging_app.accounts.second_step import Accepted
from messaging_app.accounts.sessions import start_session
from messaging_app.accounts.sign_in import Person, place_of
from messaging_app.actors import Actor
from messaging_app.errors import Refusal
from messaging_app.policies import RolePolicy
from messaging_app.web.forms.signing_in import CodeForm
from messaging_app.web.htmx import rendered, see_other, signed_in

PENDING = "second_step"
MINUTES = 10


class Pending(NamedTuple):
    """The finished first step, as kept in the cookie. `mark` is the password's digest, `until` is in seconds since 1970."""

    user_id: int
    store_id: int | None
    mark: str
    until: int


def proceed(role: RolePolicy, person: Person, onward: str) -> Response:
    """Sign in a person after the correct password, or ask for the second step first."""
    if not person.has_factor:
        return enter(role, person, onward)
    until, mark = int(time.time()) + MINUTES * 60, second_step.mark_of(person.id)
    session[PENDING] = list(Pending(person.id, person.store_id, mark, until))
    return see_other(role.login + (f"?{urlencode({'next': onward})}" if onward else ""))


def enter(
    role: RolePolicy, person: Person, onward: str, *, provider: str = "", accepted: Accepted | None = None
) -> Response:
    """Start the session. Redirects to the security page if the second factor needs attention."""
    start_session(role, person.id, person.store_id, provider)
    address = onward or role.messages
    if second_step.is_short_of_codes(accepted) or signed_in.factor_needed_from is not None:
        address = f"{role.account}/security?{urlencode({'next': address})}"
    return see_other(address)


def is_pending() -> bool:
    """Whether this browser is between the two steps and has not asked to start over."""
    return "start" not in request.args and _pending() is not None


def has_passkeys(role: RolePolicy) -> bool:
    """Whether the sign-in pages of a role offer passkeys."""
    return role.offers_second_factor and passkeys.are_possible()


def page(role: RolePolicy, onward: str, refusal: Refusal | None = None) -> Response:
    """Render the form for the code, with the error of a passkey if given."""
    form = CodeForm(formdata=None)
    if refusal:
        form.refuse(refusal)
    return _page(role, form, onward, refusal.status if refusal else 200)


def take_code(role: RolePolicy, onward: str) -> ResponseReturnValue | None:
    """Check a submitted code. Returns None if the first step has expired or is void."""
    pending = _pending()
    person = place_of(role.actor_type, pending.user_id, pending.store_id) if pending else None
    if pending is None or person is None or second_step.mark_of(person.id) != pending.mark:
        session.pop(PENDING, None)
        return None
    form = CodeForm()
    try:
        accepted = _accept(role, person, form.code.data or "")
    except RateLimited as limited:
        form.code.errors = [_("Too many attempts. Wait a few minutes and try again.")]
        response = _page(role, form, onward, 429)
        response.headers["Retry-After"] = str(limited.retry_after)
        return response
    if accepted is None:
        failures.record_wrong_code(role, person.id, request.remote_addr or "")
        form.code.errors = [_("This code is wrong or was already used. Wait for the next one.")]
        return _page(role, form, onward, 422)
    return enter(role, person, onward, accepted=accepted)


def _accept(role: RolePolicy, person: Person, code: str) -> Accepted | None:
    """Consume a code. Counts the attempt before checking and undoes it for a correct code. Raises `RateLimited`."""
    with ExitStack() as unless_wrong:
        for name, key in (("sign_in_code", person.id), ("sign_in_address", request.remote_addr or "")):
            limiter.hit(name, key)
            unless_wrong.callback(limiter.give_back, name, key)
        accepted = second_step.accept(Actor(role.actor_type, person.id, "", person.store_id), code)
        if accepted is None:
            unless_wrong.pop_all()
        return accepted


def _pending() -> Pending | None:
    pending = Pending(*session[PENDING]) if PENDING in session else None
    return pending if pending and pending.until > time.time() else None


def _page(role: RolePolicy, form: CodeForm, onward: str, status: int) -> Response:
    form.next.data = onward
    return rendered("second_step.html", status, form=form, onward=onward, has_passkeys=has_passkeys(role))
