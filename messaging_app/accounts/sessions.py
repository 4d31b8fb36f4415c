"""Revocable sign-in sessions: one cookie per role, one row per sign-in. The row is authoritative.

The signed cookie of a role holds the row's token and a CSRF token, nothing else. The first part of a request's path
selects the cookie, so one browser can be signed in as admin, staff and customer at the same time.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from flask import Flask, Request, Response, after_this_request, request, session
from flask.globals import app_ctx
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_login import UserMixin, login_user, logout_user
from itsdangerous import BadSignature
from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from messaging_app import formats
from messaging_app.accounts import devices
from messaging_app.accounts.failures import account_key
from messaging_app.accounts.tokens import may_manage_tokens
from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import now, writing
from messaging_app.extensions import db, login
from messaging_app.models import SignInSession, Store
from messaging_app.models.platform import CUSTOMERS_MAY_HAVE_TOKENS, CUSTOMERS_SEE_PLATFORM
from messaging_app.models.scope import active_person
from messaging_app.models.sides import WAITING_MOST
from messaging_app.policies import ROLES, RolePolicy
from messaging_app.queries import people
from messaging_app.queries.second_factor import GRACE
from messaging_app.services import announcements, audit, messaging
from messaging_app.services.settings import parse_or_default
from messaging_app.text import email_key, search_key
from messaging_app.text.devices import clean_agent

LINKS = "links"  # the cookie of pages behind mailed links and of the first start; holds a CSRF token, nobody's session
LINK_PAGES = frozenset(("invitation", "reset", "confirm", "setup"))


class SignedInStore(NamedTuple):
    """The store that a page is shown for."""

    id: int
    code: str
    name: str
    accent: str | None
    logo: str | None
    opening_line: str = ""
    hours: str = ""


class SignIn(UserMixin):
    """Flask-Login's user object: an actor with its session and unread total."""

    def __init__(
        self,
        token: str,
        row: people.SignInRow,
        actor: Actor,
        store: SignedInStore | None,
        stores: list[tuple[int, str, str]],
    ) -> None:
        self.token = token
        self.session_id = row.session_id
        self.last_used_at = row.last_used_at
        self.actor = actor
        self.email = row.email
        self.locale, self.time_zone = row.locale, row.time_zone  # what they chose; None: the browser's
        self.store = store
        since = row.factor_needed_since
        self.factor_needed_from = since + GRACE if since else None  # None also for those who have one
        self.stores = stores  # (id, code, name) of all the user's stores; loaded for whole pages of staff only
        self.opens_with, self.opens_next = row.opens_with, row.opens_next
        self.undo_send_seconds = row.undo_send_seconds or 0
        self._waiting = row.waiting
        self._unread = row.unread
        self._tokens = row.may_have_tokens

    @property
    def unread(self) -> int:
        """The user's unread total. Queried here if the request did not load it."""
        if self._unread is None:
            self._unread = messaging.get_unread_count(self.actor)
        return self._unread

    @property
    def waiting(self) -> int:
        """How many conversations wait for the user's side, up to `sides.WAITING_MOST`."""
        if self._waiting is None:
            self._waiting = messaging.count_waiting(self.actor)
        return self._waiting

    @property
    def waiting_shown(self) -> str:
        """The same as it is shown: 7, 99+, and nothing for none."""
        most = WAITING_MOST
        return "" if not self.waiting else str(self.waiting) if self.waiting < most else f"{most - 1}+"

    @property
    def may_manage_tokens(self) -> bool:
        """Whether this user has a page for API tokens. Full pages load the setting with the session."""
        if self._tokens is None:
            return may_manage_tokens(self.actor)
        return bool(parse_or_default(CUSTOMERS_MAY_HAVE_TOKENS, self._tokens))

    def __getattr__(self, name: str) -> object:
        """Actor attributes for templates: type, id and name, and the store's code, name, look and lines."""
        if name in ("type", "id", "name", "store_id"):
            return getattr(self.actor, name)
        if name == "store_logo":
            return f"/storefront/logo/{self.store.code}-{self.store.logo}" if self.store and self.store.logo else None
        if name in ("store_code", "store_name", "store_accent", "store_opening_line", "store_hours"):
            return getattr(self.store, name.removeprefix("store_"), None)
        raise AttributeError(name)

    @property
    def must_enrol(self) -> bool:
        """Whether nothing but the page that sets up a second factor is open to this user."""
        return self.factor_needed_from is not None and self.factor_needed_from <= now()

    @property
    def shown_to(self) -> str:
        """The user and store a page is made for. Its requests send this as `X-Shown-To` (checked in `web/door.py`)."""
        return f"{self.actor.id}-{self.actor.store_id or 0}"

    def get_id(self) -> str:
        """The session's token, which Flask-Login stores in the role's cookie."""
        return self.token


class RoleSessionInterface(SecureCookieSessionInterface):
    """A signed cookie per role, selected by the first part of the path. Other paths have no session."""

    def get_cookie_name(self, app: Flask) -> str:
        area = area_of(request)
        assert area is not None, "only asked where there is a cookie"
        return self.name_for(app, area)

    def name_for(self, app: Flask, area: str) -> str:
        """The name of an area's cookie."""
        return f"__Host-{area}" if app.config["SESSION_COOKIE_SECURE"] else area

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        area = area_of(request)
        return self.session_class(self.content_of(app, request, area) if area else None)

    def content_of(self, app: Flask, request: Request, area: str) -> dict[str, object] | None:
        """What the cookie of an area holds, whichever the request's own area is."""
        value = request.cookies.get(self.name_for(app, area))
        return self._unpacked(app, value) if value else None

    @lru_cache(maxsize=4_096)  # noqa: B019 -- there is one of these; what a signed value holds never changes
    def _unpacked(self, app: Flask, value: str) -> dict[str, object]:
        """Return the content of a cookie, or an empty dict if the signature is invalid.

        Ignores the cookie's age: the row decides, and setting the clock back must not sign users out.
        """
        serializer = self.get_signing_serializer(app)
        try:
            return dict(serializer.loads(value)) if serializer else {}
        except BadSignature:
            return {}

    def save_session(self, app: Flask, session: SessionMixin, response: Any) -> None:
        if session.modified and area_of(request) is not None:
            super().save_session(app, session, response)

    def get_expiration_time(self, app: Flask, session: SessionMixin) -> datetime | None:
        role = role_of(request)
        return now() + role.absolute if role and session.get("_user_id") else None


def role_of(request: Request) -> RolePolicy | None:
    """Return the role that a request's path belongs to. Compares whole path parts: `/storefront` is not `/store`."""
    return ROLES.get(request.path.split("/", 2)[1])


def area_of(request: Request) -> str | None:
    """Whose cookie a request uses: that of a role, that of the pages behind links, or none."""
    first = request.path.split("/", 2)[1]
    return first if first in ROLES else LINKS if first in LINK_PAGES else None


@login.user_loader  # type: ignore[untyped-decorator]
def load_sign_in(token: str) -> SignIn | None:
    """Return the sign-in behind a cookie's token, for the role of the request's path; see `find_sign_in`."""
    role = role_of(request)
    found = find_sign_in(role, token, _needs(request)) if role else None
    if found is not None and (found.locale or found.time_zone):
        formats.choose(found.locale, found.time_zone)
    return found


def find_sign_in(role: RolePolicy, token: str, needed: str = "fragment") -> SignIn | None:
    """Return the sign-in behind a token, or None unless it is active, belongs to `role`, and its user is active.

    One statement loads the session, user, store and the platform setting for customers; for pages and the badge also
    the unread total.
    """
    moment = now()
    session = db.session()
    found = people.sign_in(session.get_bind().dialect.name, role.actor_type, needed).all(
        session, token_hash=_hash(token), idle=moment - role.idle, absolute=moment - role.absolute, moment=moment
    )
    if not found:
        return None
    row = found[0]
    sees_all = bool(parse_or_default(CUSTOMERS_SEE_PLATFORM, row.sees_all))
    actor = Actor(role.actor_type, row.person_id, row.name, row.store_id, sees_all, row.is_owner)
    store = None
    if row.store_id is not None and row.store_code is not None and row.store_name is not None:
        look = (row.store_accent, row.store_logo, row.store_opening_line or "", row.store_hours or "")
        store = SignedInStore(row.store_id, row.store_code, row.store_name, *look)
    stores: list[tuple[int, str, str]] = [tuple(entry) for entry in json.loads(row.stores or "[]") or ()]
    # same order as `Store.sort_name`, which sign-in uses
    stores.sort(key=lambda entry: (search_key(entry[2]), entry[0]))
    return SignIn(token, row, actor, store, stores)


def start_session(role: RolePolicy, person_id: int, store_id: int | None, provider: str = "") -> None:
    """Sign a user in with a new row, token and CSRF token. Ends the browser's earlier session in this role.

    `provider` is the identity provider that knew them, if one did.
    """
    end_session()
    token = _new_session(role, person_id, store_id, provider)
    session.clear()
    session.permanent = True
    login_user(load_sign_in(token))


def end_session() -> None:
    """Sign out. Ending the row makes copies of the cookie worthless."""
    token = session.get("_user_id")
    if token:
        _end(token)
    logout_user()
    session.clear()


def signed_in_at(role: RolePolicy) -> SignIn | None:
    """Who is signed in for `role` in the browser that asks, from a page outside the role's addresses."""
    token = _token_at(role)
    return find_sign_in(role, token) if token else None


def start_session_at(response: Response, role: RolePolicy, person_id: int, store_id: int | None) -> None:
    """Sign somebody in for `role` by `response`, from a page outside the role's addresses."""
    if earlier := _token_at(role):
        _end(earlier)
    interface, app = _interface()
    serializer = interface.get_signing_serializer(app)
    assert serializer is not None, "there is always a secret key"
    content = {"_user_id": _new_session(role, person_id, store_id), "_fresh": True, "_permanent": True}
    response.set_cookie(
        interface.name_for(app, role.name),
        serializer.dumps(content),
        expires=now() + role.absolute,
        secure=interface.get_cookie_secure(app),
        httponly=True,
        samesite="Lax",
    )


def end_session_at(response: Response, role: RolePolicy) -> None:
    """Sign out whoever is signed in for `role` in the browser that asks, from a page outside the role's addresses."""
    if token := _token_at(role):
        _end(token)
    interface, app = _interface()
    secure = interface.get_cookie_secure(app)
    response.delete_cookie(interface.name_for(app, role.name), secure=secure, httponly=True, samesite="Lax")


def _interface() -> tuple[RoleSessionInterface, Flask]:
    app = app_ctx.app
    assert isinstance(app.session_interface, RoleSessionInterface)
    return app.session_interface, app


def _token_at(role: RolePolicy) -> str | None:
    interface, app = _interface()
    token = (interface.content_of(app, request, role.name) or {}).get("_user_id")
    return str(token) if token else None


def _new_session(role: RolePolicy, person_id: int, store_id: int | None, provider: str = "") -> str:
    token = secrets.token_urlsafe(32)
    with writing(db.session) as transaction:
        row = SignInSession(
            token_hash=_hash(token),
            actor_type=role.actor_type,
            person_id=person_id,
            store_id=store_id,
            provider=provider or None,
            **seen_now(),
        )
        transaction.add(row)
        transaction.flush()
        person = _record(transaction, "sign_in.succeeded", role.actor_type, person_id, row.id, provider)
    _remember_device(role, person.email, store_id)
    return token


def seen_now() -> dict[str, str]:
    """What a session's row keeps of the request that uses it: address, browser and, where known, time zone."""
    zone = formats.zone_of_browser()
    seen = {"address": request.remote_addr or "", "user_agent": clean_agent(request.headers.get("User-Agent", ""))}
    return seen | ({"time_zone": zone} if zone else {})


def _remember_device(role: RolePolicy, email: str, store_id: int | None) -> None:
    """Let the response carry the cookie of a device that signed in; staff sign in to all their stores at once."""
    account = account_key(role, email, store_id if role.actor_type == ActorType.CUSTOMER else None)

    @after_this_request
    def keep(response: Response) -> Response:
        devices.remember(response, role, account)
        return response


def _end(token: str) -> None:
    with writing(db.session) as transaction:
        ended = transaction.execute(
            update(SignInSession)
            .where(SignInSession.token_hash == _hash(token), SignInSession.ended_at.is_(None))
            .values(ended_at=now())
            .returning(SignInSession.actor_type, SignInSession.person_id, SignInSession.id)
        ).one_or_none()
        if ended is not None:
            announcements.session_ended(*ended)
            _record(transaction, "session.ended", ActorType(ended.actor_type), ended.person_id, ended.id)


def _record(
    transaction: Session, action: str, actor_type: ActorType, person_id: int, session_id: int, provider: str = ""
) -> audit.Object:
    """Record what a person did to a session of their own, and return the person."""
    person = audit.about_person(transaction, actor_type, person_id)
    who = audit.Who(actor_type, person_id, person.name, email_key(person.email))
    facts: dict[str, audit.Value] = {"role": actor_type, "session": session_id}
    if provider:
        facts["provider"] = provider
    audit.record(transaction, who, action, person, after=facts)
    return person


def end_sessions_of(
    actor_type: ActorType, person_id: int, store_id: int | None = None, *, keep: int | None = None
) -> int:
    """End every session of a user or customer (in one store, if given) but session `keep`, and return how many ended.

    Joins the caller's transaction, and leaves the entry in the audit trail to it.
    """
    ended = update(SignInSession).where(
        SignInSession.actor_type == actor_type, SignInSession.person_id == person_id, SignInSession.ended_at.is_(None)
    )
    if store_id is not None:
        ended = ended.where(SignInSession.store_id == store_id)
    if keep is not None:
        ended = ended.where(SignInSession.id != keep)
    numbers = db.session.scalars(ended.values(ended_at=now()).returning(SignInSession.id)).all()
    if keep is None:
        announcements.sessions_ended(actor_type, person_id, store_id)
    else:  # a stream of the session that goes on must not end
        for number in numbers:
            announcements.session_ended(actor_type, person_id, number)
    return len(numbers)


def end_sessions_at(store_id: int) -> int:
    """End every session of a store's staff and customers, within the caller's transaction; how many ended."""
    ended = (
        update(SignInSession)
        .where(SignInSession.store_id == store_id, SignInSession.ended_at.is_(None))
        .values(ended_at=now())
        .returning(SignInSession.actor_type, SignInSession.person_id)
    )
    people_out = [(ActorType(actor_type), person_id) for actor_type, person_id in db.session.execute(ended)]
    for actor_type, person_id in dict.fromkeys(people_out):
        announcements.sessions_ended(actor_type, person_id, store_id)
    return len(people_out)


def count_living(role: RolePolicy, *conditions: ColumnElement[bool]) -> int:
    """How many sessions of a role that meet `conditions` would be let in now. One statement."""
    moment, row = now(), SignInSession
    living = (row.ended_at.is_(None), row.last_used_at > moment - role.idle, row.created_at > moment - role.absolute)
    query = select(func.count()).select_from(row).where(row.actor_type == role.actor_type, *living, *conditions)
    return db.session.scalar(query) or 0


def switch_store(sign_in: SignIn, store_id: int) -> bool:
    """Make another of the user's stores current. Returns False if they are not on its staff."""
    with writing(db.session) as transaction:
        member = transaction.scalar(select(Store.id).where(active_person(ActorType.STORE, sign_in.actor.id, store_id)))
        if member is None:
            return False
        transaction.execute(
            update(SignInSession).where(SignInSession.id == sign_in.session_id).values(store_id=store_id)
        )
        announcements.session_ended(
            sign_in.actor.type, sign_in.actor.id, sign_in.session_id
        )  # its streams reconnect for the new store
        return True


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _needs(request: Request) -> people.Needed:
    """Return what the response shows: a fragment needs little, the badge the unread total, a page everything."""
    if request.path.endswith("/unread-count"):
        return "badge"
    return "page" if request.method == "GET" and "HX-Request" not in request.headers else "fragment"
