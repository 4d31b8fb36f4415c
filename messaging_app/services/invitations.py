"""Invitations: who is asked to join a store's staff or the platform's admins, and what is still pending.

An address that already has an account joins at once and gets a notice; any other gets a link by mail that works once within
seven days (see `joining`). While mail is off the link is returned for the inviter to pass on.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from flask import current_app
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, exists, func, select, update

from messaging_app.accounts import links
from messaging_app.accounts.limits import limiter
from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import now, writing
from messaging_app.db.types import DbSession
from messaging_app.errors import FieldError, Invalid, NotAllowed, NotFound
from messaging_app.extensions import db
from messaging_app.mail import account
from messaging_app.models import AccountLink, AccountMail, Identity, LinkKind, NotificationState, Store, User
from messaging_app.models.platform import OWNER, STAFF
from messaging_app.policies import ADMIN, STORE
from messaging_app.services import audit, people
from messaging_app.services.address_lists import read_addresses
from messaging_app.services.invitation_places import about, all_at, facts, join, lock, pending_at
from messaging_app.text import ascii_domain, email_key

ADMIN_ROLE = "admin"
STORE_ROLES = (OWNER, STAFF)
MAILED = (NotificationState.DUE, NotificationState.SENT)


class Outcome(NamedTuple):
    """What became of one address: `invited`, `added` (has an account), `already` there, or `inactive` (the account is).

    `link` is the whole address of the invitation where no mail could bring it. It is never to be had again.
    """

    email: str
    what: str
    link: str = ""


class Pending(NamedTuple):
    """An invitation that nobody has accepted yet; it may be too old."""

    id: int
    email: str
    role: str
    invited_by: str
    created_at: datetime
    expires_at: datetime

    @property
    def is_over(self) -> bool:
        """Whether its time has passed, so that only sending it again helps."""
        return self.expires_at <= now()

    @property
    def ascii_email(self) -> str:
        """The address as mail servers know it, where that is another spelling; else empty."""
        local, _at, domain = self.email.rpartition("@")
        plain = f"{local}@{ascii_domain(domain)}"
        return plain if plain != self.email else ""


def invite(actor: Actor, emails: str, role: str, store_id: int | None = None) -> list[Outcome]:
    """Invite everybody in `emails` (see `read_addresses`), each in a transaction of their own.

    `role` is `admin` without a store, or `owner` or `staff` of a store. Raises `Invalid`, `NotFound`, `NotAllowed`, and
    `RateLimited` after 200 an hour.
    """
    _check(db.session, actor, role, store_id)
    addresses = read_addresses(emails)
    limiter.hit("invite", actor.type, actor.id, cost=len(addresses))
    return [_invite(actor, email, role, store_id) for email in addresses]


def resend(actor: Actor, link_id: int, store_id: int | None = None) -> Outcome:
    """Send a pending invitation of this store, or without one of an admin, again with a new link.

    The older link no longer works. Raises `NotFound`, `NotAllowed`.
    """
    limiter.hit("invite", actor.type, actor.id)
    with writing(db.session) as session:
        old, store = _pending(session, actor, link_id, store_id)
        _check(session, actor, old.role, old.store_id)
        return _send(session, actor, old.email, old.role, store, "invitation.resent")


def withdraw(actor: Actor, link_id: int, store_id: int | None = None) -> None:
    """Make the link of such an invitation worthless. Raises `NotFound`, `NotAllowed`."""
    with writing(db.session) as session:
        link, store = _pending(session, actor, link_id, store_id)
        link.void_at = now()
        audit.record(session, actor, "invitation.withdrawn", about(link, store), before=facts(link, store))


def restore(actor: Actor, link_id: int, store_id: int | None = None) -> None:
    """Make the link of a withdrawn invitation work again; its mail is sent if it was not. Idempotent.

    Raises `NotFound`, `NotAllowed`, `Invalid` where the store is deactivated, and `LinkOver` where there is a newer one.
    """
    with writing(db.session) as session:
        link, store = _held(session, actor, link_id, store_id, AccountLink.used_at.is_(None))
        _check(session, actor, link.role, link.store_id)
        newer = (AccountLink.email_key == link.email_key, AccountLink.id > link.id)
        if session.scalar(select(exists(select(AccountLink.id).where(*all_at(store_id), *newer)))):
            raise links.LinkOver(_("This address was invited again meanwhile."))
        if link.void_at is None:
            return
        link.void_at = None
        has_mail = select(AccountMail.id).where(AccountMail.link_id == link.id, AccountMail.state.in_(MAILED))
        if not session.scalar(select(exists(has_mail))):
            _post(session, actor, link)
        audit.record(session, actor, "invitation.restored", about(link, store), after=facts(link, store))


def count_pending(session: DbSession, store_id: int) -> int:
    """How many invitations of a store nobody has accepted yet."""
    query = select(func.count()).select_from(AccountLink).where(*pending_at(store_id))
    return session.scalar(query) or 0


def withdraw_all(session: DbSession, store_id: int) -> int:
    """Make the links of a store's pending invitations worthless, within the caller's transaction; how many they were."""
    ended = update(AccountLink).where(*pending_at(store_id)).values(void_at=now()).returning(AccountLink.id)
    return len(session.execute(ended.execution_options(synchronize_session=False)).all())


def list_pending(actor: Actor, store_id: int | None = None) -> list[Pending]:
    """Invitations that nobody has accepted yet, newest first: of a store, or without one those of admins. One statement.

    Raises `NotFound` where the actor may not see who works there.
    """
    if not (people.sees_staff(actor, store_id) if store_id is not None else actor.type == ActorType.ADMIN):
        raise NotFound
    row = AccountLink
    query = (
        select(row.id, row.email, row.role, User.name, row.created_at, row.expires_at)
        .join(User, User.id == row.created_by)
        .where(*pending_at(store_id))
        .order_by(row.id.desc())
    )
    return [Pending(*found) for found in db.session.execute(query)]


def _invite(actor: Actor, email: str, role: str, store_id: int | None) -> Outcome:
    with writing(db.session) as session:
        _check(session, actor, role, store_id)  # again: it may have changed since, and is now locked until the end
        store = lock(session, store_id)
        user = session.scalar(select(User).where(User.email_key == email_key(email)).with_for_update(key_share=True))
        if user is not None and not user.active:
            return Outcome(email, "inactive")
        if user is None or not _signs_in(session, user):
            return _send(session, actor, email, role, store, "invitation.sent")
        if not join(session, actor, user, store, role):
            return Outcome(email, "already")
        area = STORE if store else ADMIN
        account.post(
            session, "added", user.email, user.name, store_id=store_id, role=area.name, as_role=role, inviter=actor.name
        )
        return Outcome(email, "added")


def _send(session: DbSession, actor: Actor, email: str, role: str, store: Store | None, action: str) -> Outcome:
    store_id = store.id if store else None
    link = links.make(session, LinkKind.INVITATION, email, role=role, store_id=store_id, created_by=actor.id)
    _post(session, actor, link)
    shown = ""
    if not account.is_on():
        shown = f"{current_app.extensions['settings'].public_url}/invitation/{links.token_of(link)}"
    audit.record(session, actor, action, about(link, store), after=facts(link, store))
    return Outcome(email, "invited", shown)


def _post(session: DbSession, actor: Actor, link: AccountLink) -> None:
    words = {"as_role": link.role, "inviter": actor.name}
    account.post(session, "invitation", link.email, store_id=link.store_id, link_id=link.id, **words)


def _signs_in(session: DbSession, user: User) -> bool:
    """Whether a user has a way in already, by a password or by a provider."""
    if user.password_hash:
        return True
    return bool(session.scalar(select(exists(select(Identity.id).where(Identity.user_id == user.id)))))


def _check(session: DbSession, actor: Actor, role: str, store_id: int | None) -> None:
    """Whether `actor` may invite into `role`. Raises `NotFound`, `NotAllowed`, `Invalid` on field `role`."""
    if store_id is None and actor.type != ActorType.ADMIN:
        raise NotAllowed
    if role not in (STORE_ROLES if store_id is not None else (ADMIN_ROLE,)):
        raise Invalid(FieldError("role", "invalid", _("Choose a role.")))
    if store_id is not None:
        store = people.check_may_manage_staff(session, actor, store_id)
        if not store.active:
            raise Invalid(FieldError("emails", "inactive", _("This store is deactivated. Reactivate it first.")))


def _pending(session: DbSession, actor: Actor, link_id: int, store_id: int | None) -> tuple[AccountLink, Store | None]:
    """A pending invitation that `actor` may change, locked, with its store. Raises `NotFound`, `NotAllowed`."""
    return _held(session, actor, link_id, store_id, AccountLink.pending())


def _held(
    session: DbSession, actor: Actor, link_id: int, store_id: int | None, condition: ColumnElement[bool]
) -> tuple[AccountLink, Store | None]:
    """An invitation to this place that meets `condition`, locked, with its store. Raises `NotFound`, `NotAllowed`."""
    if store_id is not None:
        people.check_may_manage_staff(session, actor, store_id)
    elif actor.type != ActorType.ADMIN:
        raise NotFound
    store = lock(session, store_id)
    query = select(AccountLink).where(AccountLink.id == link_id, *all_at(store_id), condition).with_for_update()
    link = session.scalar(query.execution_options(populate_existing=True))
    if link is None:
        raise NotFound
    return link, store
