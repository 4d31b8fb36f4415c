"""Changing one's own name."""

from __future__ import annotations

from messaging_app.actors import Actor
from messaging_app.db.engine import writing
from messaging_app.db.types import DbSession
from messaging_app.directory import terms
from messaging_app.extensions import db
from messaging_app.models import Customer, User
from messaging_app.services import audit, people


def rename(actor: Actor, name: str) -> None:
    """Change the actor's name. Messages written before keep the old one. Raises `Invalid` on field `name`."""
    name = people.checked_name(name)
    with writing(db.session) as session:
        person = people.lock(session, actor)
        if person.name == name:
            return
        before, person.name = person.name, name
        keep_findable(session, person)
        audit.record(session, actor, "profile.changed", people.about(person), {"name": before}, {"name": name})


def keep_findable(session: DbSession, person: User | Customer) -> None:
    """Queue reindexing after a new name or e-mail, in the caller's transaction."""
    if isinstance(person, Customer):
        person.sort_name = terms.sort_name(person.name)
        words = terms.words_of_customer(person.name, person.email, person.external_id)
        terms.change_words(session.connection(), "customer", {person.id: (person.store_id, words)})
    session.flush()
