"""A person's own sessions. For users these cover both roles, because one password opens both."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, or_, select

from messaging_app.accounts.sessions import end_sessions_of
from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import now, writing
from messaging_app.errors import NotFound
from messaging_app.extensions import db
from messaging_app.models import SignInSession, Store
from messaging_app.policies import POLICIES
from messaging_app.queries.people import person_of
from messaging_app.services import announcements, audit, passwords, people
from messaging_app.text.devices import Device, device_of


class OwnSession(NamedTuple):
    """A sign-in as its owner sees it. `address` and `user_agent` are those of its last use."""

    id: int
    actor_type: str
    created_at: datetime
    last_used_at: datetime
    store_name: str | None
    address: str | None
    user_agent: str | None

    @property
    def device(self) -> Device:
        """The browser and operating system."""
        return device_of(self.user_agent or "")


def list_own(actor: Actor) -> list[OwnSession]:
    """Return the actor's active sessions, the last used first. One statement."""
    row = SignInSession
    query = select(row.id, row.actor_type, row.created_at, row.last_used_at, Store.name, row.address, row.user_agent)
    query = query.outerjoin(Store, Store.id == row.store_id).where(_own(actor))
    return [OwnSession(*found) for found in db.session.execute(query.order_by(row.last_used_at.desc(), row.id.desc()))]


def end(actor: Actor, session_id: int) -> None:
    """End one of the actor's sessions; ending it again is allowed. Raises `NotFound` for anybody else's."""
    row = SignInSession
    with writing(db.session) as session:
        person = people.lock(session, actor)
        theirs = or_(*(_of(kind, actor.id) for kind in passwords.kinds_of(person_of(actor.type))))
        found = session.scalar(select(row).where(row.id == session_id, theirs).with_for_update())
        if found is None:
            raise NotFound
        if found.ended_at is None:
            found.ended_at = now()
            session.flush()
            announcements.session_ended(found.actor_type, found.person_id, found.id)
            audit.record(
                session,
                actor,
                "session.ended",
                people.about(person),
                after={"role": found.actor_type, "session": found.id},
            )


def end_others(actor: Actor, session_id: int) -> int:
    """End all of the actor's sessions but `session_id`, and return how many ended."""
    with writing(db.session) as session:
        person = people.lock(session, actor)
        ended = sum(
            end_sessions_of(kind, actor.id, keep=session_id) for kind in passwords.kinds_of(person_of(actor.type))
        )
        if ended:
            audit.record(session, actor, "session.ended", people.about(person), after={"sessions": ended})
        return ended


def _own(actor: Actor) -> ColumnElement[bool]:
    """Return the condition that a session is the actor's and valid now."""
    return or_(*(and_(_of(kind, actor.id), *_living(kind)) for kind in passwords.kinds_of(person_of(actor.type))))


def _of(kind: ActorType, person_id: int) -> ColumnElement[bool]:
    return (SignInSession.actor_type == kind) & (SignInSession.person_id == person_id)


def _living(kind: ActorType) -> Iterator[ColumnElement[bool]]:
    role, moment = POLICIES[kind], now()
    yield SignInSession.ended_at.is_(None)
    yield SignInSession.last_used_at > moment - role.idle
    yield SignInSession.created_at > moment - role.absolute
