"""Signing in and out, and the store switcher."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field

from flask import Response, current_app, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from messaging_app import oidc
from messaging_app.accounts import devices, failures, local_sign_in
from messaging_app.accounts import passkeys as browser_passkeys
from messaging_app.accounts.cookies import role_of
from messaging_app.accounts.limits import RateLimited, limiter
from messaging_app.accounts.sessions import end_session, switch_store
from messaging_app.accounts.sign_in import Person, authenticate, place_of, store_by_code
from messaging_app.actors import Actor, ActorType
from messaging_app.errors import FieldError, Invalid, NotFound, Refusal
from messaging_app.policies import RolePolicy
from messaging_app.services import passkeys
from messaging_app.services.passkeys import PasskeyRefused
from messaging_app.web.forms.signing_in import PasskeyAnswerForm, SignInForm
from messaging_app.web.htmx import rendered, see_other, signed_in, whole_number
from messaging_app.web.urls import local_path
from messaging_app.web.views import second_step

STORE_COOKIE = "storefront_store"
YEAR = 365 * 24 * 3600


@dataclass(slots=True)
class SignInView:
    """The data of the sign-in page besides its form."""

    error: str = ""
    store: object | None = None
    needs_store: bool = False
    store_code: str = ""
    next_url: str = ""
    ended: bool = False  # signed out while a script holds unsent text
    chosen: bool = False  # a new password was just set
    providers: list[object] = field(default_factory=list)
    is_elsewhere: bool = False  # shown at another URL than the sign-in page's
    form_shown: str = "open"  # see `local_sign_in.form_for`
    has_passkeys: bool = False


def login() -> ResponseReturnValue:
    """Show the sign-in page of the role, or sign in."""
    role = _role()
    onward = local_path(request.values.get("next", ""), role) or ""
    view = SignInView(next_url=onward, ended="ended" in request.args, chosen="chosen" in request.args)
    form = SignInForm()
    form.next.data = onward
    store_id = None
    if role.actor_type == ActorType.CUSTOMER:
        # An empty `store` asks for the code again; without the field, use the browser's last store.
        view.store_code = request.values.get("store", request.cookies.get(STORE_COOKIE, "")).strip()
        store = store_by_code(view.store_code) if view.store_code else None
        if store is None:
            view.needs_store = True
            view.error = _("There is no store with this code.") if request.values.get("store") else ""
            return rendered("sign_in.html", 422 if view.error else 200, view=view, form=form)
        view.store, store_id = store, store.id
        view.store_code = store.code
    if "code" in request.form:
        done = second_step.take_code(role, onward)
        if done is not None:
            return done
        form.form_errors.append(_("That took too long. Sign in again."))
        return _page(role, view, form, 422)
    if request.method == "POST":
        return _sign_in(role, view, form, store_id)
    if second_step.is_pending():
        return second_step.page(role, onward)
    return _page(role, view, form)


def refused(role: RolePolicy, refusal: Refusal, onward: str) -> Response:
    """Render the sign-in page with an error from another way to sign in."""
    view, form = SignInView(next_url=onward, is_elsewhere=True), SignInForm(formdata=None)
    form.next.data = onward
    form.refuse(refusal)
    response = _page(role, view, form, refusal.status)
    if retry_after := getattr(refusal, "retry_after", None):
        response.headers["Retry-After"] = str(retry_after)
    return response


def passkey_options() -> ResponseReturnValue:
    """Return the options to sign in with a passkey, as JSON; the same for everybody."""
    return Response(browser_passkeys.request_options(), mimetype="application/json")


def passkey_login() -> ResponseReturnValue:
    """Sign in with a passkey, instead of a password or after it."""
    role, form = _role(), PasskeyAnswerForm()
    onward = local_path(form.next.data or "", role) or ""
    limiter.hit("sign_in_address", request.remote_addr or "")
    user_id = passkeys.recognise(form.credential.data or "")
    person = place_of(role.actor_type, user_id) if user_id is not None else None
    if person is None or not local_sign_in.may_sign_in_locally(role.actor_type, person.id):
        pending = second_step.is_pending()
        return second_step.page(role, onward, PasskeyRefused()) if pending else refused(role, PasskeyRefused(), onward)
    limiter.give_back("sign_in_address", request.remote_addr or "")
    return second_step.enter(role, person, onward)


def logout() -> ResponseReturnValue:
    """End this browser's session in this role. Its other roles stay signed in."""
    end_session()
    return see_other(_role().login)


def switch(_actor: Actor) -> ResponseReturnValue:
    """Make another of this user's stores current."""
    store_id = whole_number("store_id", "form")
    if store_id is None:
        raise Invalid(FieldError("store_id", "required", _("Choose a store.")))
    if not switch_store(signed_in, store_id):
        raise NotFound
    role = _role()
    return see_other(local_path(request.form.get("next", ""), role) or role.messages)


def _page(role: RolePolicy, view: SignInView, form: SignInForm, status: int = 200) -> Response:
    if role.single_sign_on:
        view.providers = list(oidc.providers().values())
        view.form_shown = local_sign_in.form_for(role.actor_type)
    view.has_passkeys = second_step.has_passkeys(role)
    return rendered("sign_in.html", status, view=view, form=form)


def _sign_in(role: RolePolicy, view: SignInView, form: SignInForm, store_id: int | None) -> ResponseReturnValue:
    if not form.validate():
        form.password.errors = [_("Enter e-mail and password.")]
        return _page(role, view, form, 422)
    try:
        person = _recognise(role, form.email.data or "", form.password.data or "", store_id)
    except RateLimited as limited:
        form.password.errors = [_("Too many attempts. Wait a few minutes and try again.")]
        response = _page(role, view, form, 429)
        response.headers["Retry-After"] = str(limited.retry_after)
        return response
    if person is None:
        failures.record_failure(role, form.email.data or "", store_id, request.remote_addr or "")
        form.password.errors = [_("Wrong e-mail or password.")]
        return _page(role, view, form, 422)
    response = second_step.proceed(role, person, view.next_url)
    if role.actor_type == ActorType.CUSTOMER:
        secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
        response.set_cookie(
            STORE_COOKIE,
            view.store_code,
            max_age=YEAR,
            secure=secure,
            httponly=True,
            samesite="Lax",
            path="/storefront",
        )
    return response


def _recognise(role: RolePolicy, email: str, password: str, store_id: int | None) -> Person | None:
    """Return the user, or None for wrong credentials; only failures are counted. Raises `RateLimited`.

    Counts before hashing and undoes it afterwards, so a hundred parallel attempts count as a hundred.
    """
    with ExitStack() as unless_wrong:
        account = failures.account_key(role, email, store_id)
        for name, key in devices.counters(role, account, request.remote_addr or ""):
            limiter.hit(name, *key)
            unless_wrong.callback(limiter.give_back, name, *key)
        person = authenticate(role.actor_type, email, password, store_id)
        if person is None:
            unless_wrong.pop_all()
        return person


def _role() -> RolePolicy:
    role = role_of(request)
    if role is None:
        raise NotFound
    return role
