"""Single-use links sent by mail: create, look up, consume.

Opening a link shows a form and changes nothing, because malware scanners open every link in a mail; submitting the form
consumes it. `find` and `consume` raise `LinkOver` for a link that is used, void or expired, and `NotFound` for an
unknown one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from flask import current_app
from flask_babel import lazy_gettext as _
from sqlalchemy import select, update

from messaging_app.db.engine import now
from messaging_app.db.types import DbSession
from messaging_app.errors import NotFound, Refusal
from messaging_app.extensions import db
from messaging_app.models import AccountLink, Customer, LinkKind, User
from messaging_app.models.account_link import LIFETIMES
from messaging_app.text import email_key

TOKEN_MAX = 64  # characters; longer input is not looked up


class LinkOver(Refusal):
    """The link was used, withdrawn or replaced by a newer one, or has expired."""

    status = 410
    code = "link_over"
    sentence = _("This link no longer works.")


def make(
    session: DbSession,
    kind: LinkKind,
    email: str,
    *,
    role: str,
    user_id: int | None = None,
    customer_id: int | None = None,
    store_id: int | None = None,
    created_by: int | None = None,
    token: str = "",
) -> AccountLink:
    """Create a link in the caller's transaction (flushed), and void older ones of the same kind for the same person.

    The caller must have locked the person or store, so that of two created in parallel only one stays valid. Pass `token`
    if users type it; otherwise it is generated.
    """
    link = AccountLink(
        kind=kind,
        seed=secrets.token_hex(16),
        email=email,
        email_key=email_key(email),
        user_id=user_id,
        customer_id=customer_id,
        store_id=store_id,
        role=role,
        created_by=created_by,
        expires_at=now() + LIFETIMES[kind],
    )
    link.token_hash = digest(token or token_of(link))
    same = (AccountLink.kind == kind) & AccountLink.pending() & AccountLink.store_id.is_not_distinct_from(store_id)
    if user_id is not None and kind != LinkKind.INVITATION:
        same = (AccountLink.kind == kind) & AccountLink.pending() & (AccountLink.user_id == user_id)
    elif customer_id is not None:
        same = (AccountLink.kind == kind) & AccountLink.pending() & (AccountLink.customer_id == customer_id)
    else:
        same &= AccountLink.email_key == link.email_key
    session.execute(update(AccountLink).where(same).values(void_at=now()))
    session.add(link)
    session.flush()
    return link


def find(kind: LinkKind, token: str) -> AccountLink:
    """Return the valid link with this token. One statement. Raises `LinkOver`, `NotFound`."""
    link = db.session.scalar(
        select(AccountLink).where(AccountLink.token_hash == digest(token), AccountLink.kind == kind)
    )
    if link is None:
        raise NotFound
    if not link.is_living:
        raise LinkOver
    return link


def consume(session: DbSession, kind: LinkKind, token: str) -> AccountLink:
    """Consume a link in the caller's transaction. Of two parallel calls one succeeds. Raises `LinkOver`, `NotFound`."""
    moment = now()
    used = session.scalar(
        update(AccountLink)
        .where(
            AccountLink.token_hash == digest(token),
            AccountLink.kind == kind,
            AccountLink.pending(),
            AccountLink.expires_at > moment,
        )
        .values(used_at=moment)
        .returning(AccountLink.id)
        .execution_options(synchronize_session=False)
    )
    if used is None:
        find(kind, token)
        raise LinkOver
    return session.get_one(AccountLink, used, populate_existing=True)


def person_of(session: DbSession, link: AccountLink, *, lock: bool = False) -> User | Customer | None:
    """Return the account that a link is for, or None. Lock the account before the link to avoid deadlocks."""
    how: dict[str, bool] | None = {"key_share": True} if lock else None
    if link.customer_id is not None:
        return session.get(Customer, link.customer_id, with_for_update=how)
    return session.get(User, link.user_id, with_for_update=how) if link.user_id is not None else None


def token_of(link: AccountLink) -> str:
    """Return the token for the URL: 256 bits derived from the link's seed with the server's secret key."""
    key = str(current_app.config["SECRET_KEY"]).encode()
    made = hmac.digest(key, f"account link {link.seed}".encode(), "sha256")
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def is_of_this_key(link: AccountLink) -> bool:
    """Whether the link was created with the current secret key."""
    return hmac.compare_digest(link.token_hash, digest(token_of(link)))


def digest(token: str) -> str:
    """Return the stored digest of a token. 256 random bits need no slow hash."""
    return hashlib.sha256(token[:TOKEN_MAX].encode(errors="replace")).hexdigest()
