"""Contexts: the orders, returns and so on that conversations are about, as the shop states them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import NamedTuple, TypedDict

from sqlalchemy import Dialect, ForeignKey, Index, String, Text, UniqueConstraint, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import TypeDecorator

from messaging_app.db.engine import now
from messaging_app.db.types import Base, table_of
from messaging_app.db.upsert import insert_for

KIND_MAX, REFERENCE_MAX, TITLE_MAX, URL_MAX, STATE_MAX = 20, 100, 200, 2_000, 40
FACTS_MAX, LABEL_MAX, VALUE_MAX = 8, 40, 200
FACT_ID_MAX, FACT_TEXT_MAX = 100, 500


class Fact(TypedDict):
    """One line of a context, such as `Total`: `42.00 €`."""

    label: str
    value: str


class Details(TypedDict):
    """What the shop has stated about a context. `version` is 0 while it has stated nothing."""

    title: str | None
    url: str | None
    state: str | None
    facts: list[Fact]
    version: int


class Snapshot(Details):
    """A context as it was when a conversation began."""

    kind: str
    reference: str


class FactsType(TypeDecorator[list[Fact]]):
    """The facts of a context, stored as JSON."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: list[Fact] | None, dialect: Dialect) -> str:
        return json.dumps(value or [], ensure_ascii=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> list[Fact]:
        return json.loads(value) if value else []


class SnapshotType(TypeDecorator[Snapshot]):
    """A snapshot, stored as JSON. None for a conversation without a context."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Snapshot | None, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, ensure_ascii=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Snapshot | None:
        return json.loads(value) if value else None


class Named(NamedTuple):
    """A context by what users call it, within a store."""

    kind: str
    reference: str


class Held(NamedTuple):
    """A context that is locked until the transaction ends."""

    id: int
    store_id: int
    customer_id: int | None
    snapshot: Snapshot


class Context(Base):
    """What conversations can be about. The key is the shop's: store, kind and reference.

    Without a customer it belongs to the store as a whole, or its customer is not known yet.
    """

    __tablename__ = "contexts"
    __table_args__ = (
        UniqueConstraint("store_id", "reference", "kind", name="uq_contexts_key"),
        Index("ix_contexts_reference", "reference", "kind"),
        Index("ix_contexts_customer", "customer_id", "updated_at", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))
    kind: Mapped[str] = mapped_column(String(KIND_MAX))
    reference: Mapped[str] = mapped_column(String(REFERENCE_MAX))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))
    title: Mapped[str | None] = mapped_column(String(TITLE_MAX))
    url: Mapped[str | None] = mapped_column(String(URL_MAX))
    state: Mapped[str | None] = mapped_column(String(STATE_MAX))
    facts: Mapped[list[Fact]] = mapped_column(FactsType, default=list)
    version: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)

    @classmethod
    def hold(cls, session: Session, store_id: int, named: Named) -> Held | None:
        """Lock a context, so that conversations about it begin and reopen one after the other."""
        columns = (cls.id, cls.customer_id, cls.title, cls.url, cls.state, cls.facts, cls.version)
        found = session.execute(
            select(*columns)
            .where(cls.store_id == store_id, cls.kind == named.kind, cls.reference == named.reference)
            .with_for_update(key_share=True)
        ).one_or_none()
        if found is None:
            return None
        number, customer_id, title, url, state, facts, version = found
        said = Snapshot(
            kind=named.kind, reference=named.reference, title=title, url=url, state=state, facts=facts, version=version
        )
        return Held(number, store_id, customer_id, said)

    @classmethod
    def add(cls, session: Session, store_id: int, named: Named, customer_id: int | None) -> tuple[Held, bool]:
        """Return the context, locked, and whether it is new: then with nothing but its name and customer."""
        at = now()
        new = insert_for(session.get_bind().dialect.name, table_of(cls)).values(
            store_id=store_id,
            **named._asdict(),
            customer_id=customer_id,
            facts=[],
            version=0,
            created_at=at,
            updated_at=at,
        )
        key = ["store_id", "reference", "kind"]
        added = session.execute(new.on_conflict_do_nothing(index_elements=key).returning(cls.id)).scalar_one_or_none()
        held = cls.hold(session, store_id, named)
        assert held is not None, "contexts are never deleted"
        return held, added is not None

    @classmethod
    def restate(
        cls, session: Session, context_id: int, customer_id: int | None, details: Details, at: datetime
    ) -> None:
        """Replace the details of a context."""
        known = {"customer_id": customer_id, "updated_at": at, **details}
        session.execute(update(cls).where(cls.id == context_id).values(known))

    @classmethod
    def claim(cls, session: Session, context_id: int, customer_id: int) -> None:
        """Set the customer of a context that has none."""
        session.execute(update(cls).where(cls.id == context_id).values(customer_id=customer_id))


class ContextFact(Base):
    """A sentence that the shop has stated about a context, once per id of the shop's own."""

    __tablename__ = "context_facts"

    context_id: Mapped[int] = mapped_column(ForeignKey("contexts.id"), primary_key=True, autoincrement=False)
    fact_id: Mapped[str] = mapped_column(String(FACT_ID_MAX), primary_key=True)
    text: Mapped[str] = mapped_column(String(FACT_TEXT_MAX))
    stated_at: Mapped[datetime] = mapped_column(default=now)

    @classmethod
    def state(cls, session: Session, context_id: int, fact_id: str, words: str, at: datetime) -> bool:
        """Record a fact. Returns False if that id was stated before."""
        new = insert_for(session.get_bind().dialect.name, table_of(cls)).values(
            context_id=context_id, fact_id=fact_id, text=words, stated_at=at
        )
        stored = new.on_conflict_do_nothing(index_elements=["context_id", "fact_id"]).returning(cls.fact_id)
        return session.execute(stored).scalar_one_or_none() is not None

    @classmethod
    def stated(cls, session: Session, context_id: int, fact_id: str) -> tuple[str, datetime]:
        """Return the fact with this id and when it was stated, or None."""
        own = (cls.context_id == context_id, cls.fact_id == fact_id)
        words, at = session.execute(select(cls.text, cls.stated_at).where(*own)).one()
        return words, at
