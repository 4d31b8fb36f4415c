"""Who is signed in: the sign-in behind a cookie's token. Its row is authoritative."""

from __future__ import annotations

import json
from typing import NamedTuple

from flask import Request, request
from flask_login import UserMixin

from messaging_app.accounts.cookies import role_of
from messaging_app.accounts.tokens import digest, may_manage_tokens
from messaging_app.actors import Actor
from messaging_app.db.engine import now
from messaging_app.extensions import db, login
from messaging_app.formats import reader
from messaging_app.models.platform import CUSTOMERS_MAY_HAVE_TOKENS, CUSTOMERS_SEE_PLATFORM
from messaging_app.models.sides import WAITING_MOST
from messaging_app.policies import RolePolicy
from messaging_app.queries import people
from messaging_app.queries.second_factor import GRACE
from messaging_app.services import inboxes
from messaging_app.services.settings import parse_or_default
from messaging_app.text import search_key


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
            self._unread = inboxes.get_unread_count(self.actor)
        return self._unread

    @property
    def waiting(self) -> int:
        """How many conversations wait for the user's side, up to `sides.WAITING_MOST`."""
        if self._waiting is None:
            self._waiting = inboxes.count_waiting(self.actor)
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


@login.user_loader  # type: ignore[untyped-decorator]
def load_sign_in(token: str) -> SignIn | None:
    """Return the sign-in behind a cookie's token, for the role of the request's path; see `find_sign_in`."""
    role = role_of(request)
    found = find_sign_in(role, token, _needs(request)) if role else None
    if found is not None and (found.locale or found.time_zone):
        reader.choose(found.locale, found.time_zone)
    return found


def find_sign_in(role: RolePolicy, token: str, needed: str = "fragment") -> SignIn | None:
    """Return the sign-in behind a token, or None unless it is active, belongs to `role`, and its user is active.

    One statement loads the session, user, store and the platform setting for customers; for pages and the badge also
    the unread total.
    """
    moment = now()
    session = db.session()
    found = people.sign_in(session.get_bind().dialect.name, role.actor_type, needed).all(
        session, token_hash=digest(token), idle=moment - role.idle, absolute=moment - role.absolute, moment=moment
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


def _needs(request: Request) -> people.Needed:
    """Return what the response shows: a fragment needs little, the badge the unread total, a page everything."""
    if request.path.endswith("/unread-count"):
        return "badge"
    return "page" if request.method == "GET" and "HX-Request" not in request.headers else "fragment"
