"""Revocable sign-in sessions: one row per sign-in, which begins and ends here. The row is authoritative."""

from __future__ import annotations

import secrets

from flask import Flask, Response, after_this_request, request, session
from flask.globals import app_ctx
from flask_login import login_user, logout_user
from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from messaging_app.accounts import devices
from messaging_app.accounts.cookies import RoleSessionInterface
from messaging_app.accounts.failures import account_key
from messaging_app.accounts.signed_in import SignIn, find_sign_in, load_sign_in
from messaging_app.accounts.tokens import digest
from messaging_app.actors import ActorType
from messaging_app.db.engine import now, writing
from messaging_app.extensions import db
from messaging_app.formats import reader
from messaging_app.models import SignInSession, Store
from messaging_app.models.scope import active_person
from messaging_app.policies import RolePolicy
from messaging_app.services import announcements, audit
from messaging_app.text import email_key
from messaging_app.text.devices import clean_agent


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
    """Sign out the browser's session of `role`, from a page outside the role's addresses."""
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
            token_hash=digest(token),
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
    zone = reader.zone_of_browser()
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
            .where(SignInSession.token_hash == digest(token), SignInSession.ended_at.is_(None))
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
