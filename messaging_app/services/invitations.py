"""Invitations: who is asked to join a store's staff or the platform's admins, and what becomes of it.

An address that has an account already joins at once and is told; any other gets a link by mail that works once within
seven days. While mail is off the link is returned, for whoever invites to pass it on.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

from flask import current_app
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, exists, func, select, update

from messaging_app.accounts import links, local_sign_in
from messaging_app.accounts.limits import limiter
from messaging_app.accounts.passwords import check_new, hash_password
from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import now, writing
from messaging_app.db.types import DbSession
from messaging_app.errors import FieldError, Invalid, NotAllowed, NotFound
from messaging_app.extensions import db
from messaging_app.mail import account
from messaging_app.models import AccountLink, AccountMail, Identity, LinkKind, NotificationState, Store, User
from messaging_app.models.platform import OWNER, STAFF
from messaging_app.policies import ADMIN, STORE, RolePolicy
from messaging_app.queries.second_factor import has_factor
from messaging_app.services import audit, people
from messaging_app.text import ascii_domain, email_key
from messaging_app.text.domains import looks_like_another

MOST_AT_ONCE = 50
ADMIN_ROLE = "admin"
STORE_ROLES = (OWNER, STAFF)
MAILED = (NotificationState.DUE, NotificationState.SENT)
_ENTRY = re.compile(r'(?:"[^"\n]*"|[^,;\n])+')
_NAMED = re.compile(r"[^<>]*<([^<>]*)>\s*")


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


class Invitation(NamedTuple):
    """A living invitation as its page shows it. `has_password`: this person signs in with what they have."""

    id: int
    email: str
    email_key: str
    role: str
    expires_at: datetime
    invited_by: str
    store_id: int | None
    store: Store | None
    name: str
    has_password: bool

    @property
    def area(self) -> RolePolicy:
        """Where the person will work."""
        return STORE if self.store else ADMIN


class Joined(NamedTuple):
    """Somebody who accepted. `is_proven`: they chose their password just now, have no second factor, and may go in."""

    user_id: int
    store_id: int | None
    area: RolePolicy
    is_proven: bool


def read_addresses(raw: str) -> list[str]:
    """The addresses in a text, one in a line or parted by commas, each once. `Noor <noor@x.example>` is `noor@x.example`.

    Raises `Invalid` on field `emails`, with a sentence for each address that is none.
    """
    entries = [entry for entry in (found.strip() for found in _ENTRY.findall(raw)) if entry]
    if not entries:
        raise Invalid(FieldError("emails", "required", _("Enter at least one e-mail address.")))
    if len(entries) > MOST_AT_ONCE:
        sentence = _(
            "You can invite up to %(max)s people at once. These are %(count)s.", max=MOST_AT_ONCE, count=len(entries)
        )
        raise Invalid(FieldError("emails", "too_many", sentence))
    found: dict[str, str] = {}
    errors = []
    for entry in entries:
        named = _NAMED.fullmatch(entry)
        try:
            email = people.checked_email(named[1] if named and "@" not in entry[: named.start(1)] else entry)
        except Invalid:
            shown = entry if len(entry) <= 80 else f"{entry[:79]}…"
            errors.append(FieldError("emails", "invalid", _("“%(entry)s” is not an e-mail address.", entry=shown)))
            continue
        local, _at, domain = email.rpartition("@")
        if looks_like_another(domain):
            plain = f"{local}@{ascii_domain(domain)}"
            sentence = _(
                "The domain of “%(entry)s” looks like another one. If it is right, enter it as %(plain)s.",
                entry=email,
                plain=plain,
            )
            errors.append(FieldError("emails", "lookalike", sentence))
        found.setdefault(email_key(email), email)
    if errors:
        raise Invalid(*errors)
    return list(found.values())


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
        audit.record(session, actor, "invitation.withdrawn", _about(link, store), before=_facts(link, store))


def restore(actor: Actor, link_id: int, store_id: int | None = None) -> None:
    """Make the link of a withdrawn invitation work again; its mail is sent if it was not. Doing it twice is well.

    Raises `NotFound`, `NotAllowed`, `Invalid` where the store is deactivated, and `LinkOver` where there is a newer one.
    """
    with writing(db.session) as session:
        link, store = _held(session, actor, link_id, store_id, AccountLink.used_at.is_(None))
        _check(session, actor, link.role, link.store_id)
        newer = (AccountLink.email_key == link.email_key, AccountLink.id > link.id)
        if session.scalar(select(exists(select(AccountLink.id).where(*_to_place(store_id), *newer)))):
            raise links.LinkOver(_("This address was invited again meanwhile."))
        if link.void_at is None:
            return
        link.void_at = None
        has_mail = select(AccountMail.id).where(AccountMail.link_id == link.id, AccountMail.state.in_(MAILED))
        if not session.scalar(select(exists(has_mail))):
            _post(session, actor, link)
        audit.record(session, actor, "invitation.restored", _about(link, store), after=_facts(link, store))


def count_pending(session: DbSession, store_id: int) -> int:
    """How many invitations of a store nobody has accepted yet."""
    query = select(func.count()).select_from(AccountLink).where(*_of_place(store_id))
    return session.scalar(query) or 0


def withdraw_all(session: DbSession, store_id: int) -> int:
    """Make the links of a store's pending invitations worthless, within the caller's transaction; how many they were."""
    ended = update(AccountLink).where(*_of_place(store_id)).values(void_at=now()).returning(AccountLink.id)
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
        .where(*_of_place(store_id))
        .order_by(row.id.desc())
    )
    return [Pending(*found) for found in db.session.execute(query)]


def open_invitation(token: str) -> Invitation:
    """What the page behind a link shows. Raises `LinkOver`, `NotFound`."""
    link = links.find(LinkKind.INVITATION, token)
    store = db.session.get(Store, link.store_id) if link.store_id is not None else None
    if store is not None and not store.active:
        raise links.LinkOver
    invited_by = db.session.scalar(select(User.name).where(User.id == link.created_by)) or ""
    user = db.session.scalar(select(User).where(User.email_key == link.email_key))
    return Invitation(
        link.id,
        link.email,
        link.email_key,
        link.role,
        link.expires_at,
        invited_by,
        link.store_id,
        store,
        user.name if user else "",
        bool(user and user.password_hash),
    )


def accept(token: str, name: str, password: str) -> Joined:
    """Use an invitation up: the person joins, with the name and password that they chose.

    Somebody who has an account by now only joins; their password stays as it is. Raises `LinkOver`, `NotFound`,
    `NotAllowed` where only providers sign people in, `Invalid` on fields `name` and `password`.
    """
    invitation = open_invitation(token)
    password_hash = None
    if not invitation.has_password:
        if local_sign_in.form_for(invitation.area.actor_type) != "open":
            raise NotAllowed(_("Sign in with your provider: that accepts the invitation."))
        people.checked_name(name)
        db.session.rollback()  # no connection is held while the password is worked on
        password_hash = hash_password(check_new(password))
    with writing(db.session) as session:
        store = _lock(session, invitation.store_id)
        link = links.consume(session, LinkKind.INVITATION, token)
        user = session.scalar(select(User).where(User.email_key == link.email_key).with_for_update(key_share=True))
        if (user and not user.active) or (store and not store.active):
            raise links.LinkOver
        is_proven = user is None or not user.password_hash
        if user is None:
            if password_hash is None:
                raise links.LinkOver
            user = people.add_user(session, link.email, name, password_hash)
        elif is_proven:
            user.name, user.password_hash = people.checked_name(name), password_hash
        link.user_id = user.id
        actor = Actor(STORE.actor_type if store else ADMIN.actor_type, user.id, user.name, link.store_id)
        _join(session, actor, user, store, link.role)
        audit.record(session, actor, "invitation.accepted", _about(link, store), after=_facts(link, store))
        may_enter = is_proven and not session.scalar(select(has_factor(user.id)))
        return Joined(user.id, link.store_id, STORE if store else ADMIN, may_enter)


def accept_all(session: DbSession, email: str, name: str) -> User | None:
    """Use up every living invitation to an address that its owner has proven. Joins the caller's transaction.

    Returns who joined, with `name` if they are new, or None if nobody invites this address or the account is
    deactivated.
    """
    key = email_key(email)
    mine = (AccountLink.kind == LinkKind.INVITATION) & (AccountLink.email_key == key)
    living = AccountLink.pending() & (AccountLink.expires_at > now())
    asked = session.scalars(select(AccountLink).where(mine, living).order_by(AccountLink.store_id)).all()
    places = {link.id: _lock(session, link.store_id) for link in asked}
    user = session.scalar(select(User).where(User.email_key == key).with_for_update(key_share=True))
    open_ones = [link for link in asked if (store := places[link.id]) is None or store.active]
    if not open_ones or (user is not None and not user.active):
        return None
    user = user or people.add_user(session, open_ones[0].email, name, None)
    for link in open_ones:
        link, store = links.consume(session, LinkKind.INVITATION, links.token_of(link)), places[link.id]
        link.user_id = user.id
        actor = Actor(STORE.actor_type if store else ADMIN.actor_type, user.id, user.name, link.store_id)
        _join(session, actor, user, store, link.role)
        audit.record(session, actor, "invitation.accepted", _about(link, store), after=_facts(link, store))
    return user


def _invite(actor: Actor, email: str, role: str, store_id: int | None) -> Outcome:
    with writing(db.session) as session:
        _check(session, actor, role, store_id)  # again: it may have changed meanwhile, and now holds until the end
        store = _lock(session, store_id)
        user = session.scalar(select(User).where(User.email_key == email_key(email)).with_for_update(key_share=True))
        if user is not None and not user.active:
            return Outcome(email, "inactive")
        if user is None or not _signs_in(session, user):
            return _send(session, actor, email, role, store, "invitation.sent")
        if not _join(session, actor, user, store, role):
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
    audit.record(session, actor, action, _about(link, store), after=_facts(link, store))
    return Outcome(email, "invited", shown)


def _post(session: DbSession, actor: Actor, link: AccountLink) -> None:
    words = {"as_role": link.role, "inviter": actor.name}
    account.post(session, "invitation", link.email, store_id=link.store_id, link_id=link.id, **words)


def _join(session: DbSession, actor: Actor, user: User, store: Store | None, role: str) -> bool:
    if store is None:
        return people.make_admin(session, actor, user)
    return people.join_store(session, actor, user, store, role)


def _signs_in(session: DbSession, user: User) -> bool:
    """Whether a user has a way in already, by a password or by a provider."""
    if user.password_hash:
        return True
    return bool(session.scalar(select(exists(select(Identity.id).where(Identity.user_id == user.id)))))


def _lock(session: DbSession, store_id: int | None) -> Store | None:
    """Hold what an invitation is about, so that two for one address follow one another: the store, or all admins.

    Always before the invitation itself, or two could wait for one another.
    """
    if store_id is not None:
        return session.get_one(Store, store_id, with_for_update={"key_share": True}, populate_existing=True)
    session.execute(select(User.id).where(User.is_admin).order_by(User.id).with_for_update(key_share=True)).all()
    return None


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


def _of_place(store_id: int | None) -> tuple[ColumnElement[bool], ...]:
    """The conditions of the pending invitations of a store, or without one of admins."""
    return *_to_place(store_id), AccountLink.pending()


def _to_place(store_id: int | None) -> tuple[ColumnElement[bool], ...]:
    """The conditions of all invitations of a store, or without one of admins."""
    return AccountLink.kind == LinkKind.INVITATION, AccountLink.store_id.is_not_distinct_from(store_id)


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
    store = _lock(session, store_id)
    query = select(AccountLink).where(AccountLink.id == link_id, *_to_place(store_id), condition).with_for_update()
    link = session.scalar(query.execution_options(populate_existing=True))
    if link is None:
        raise NotFound
    return link, store


def _about(link: AccountLink, store: Store | None) -> audit.Object:
    return audit.Object("invitation", link.id, store.name if store else "", link.email)


def _facts(link: AccountLink, store: Store | None) -> dict[str, audit.Value]:
    return {"role": link.role, "store": store.code if store else None}
