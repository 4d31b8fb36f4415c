"""Reasons for beginning a conversation: the list that users choose from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import Dialect, Text, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import TypeDecorator

from messaging_app.db.engine import now
from messaging_app.db.types import Base, table_of
from messaging_app.db.upsert import insert_for

CODE_MAX, NAME_MAX, HINT_MAX = 40, 100, 500
REASONS_MAX, STATES_MAX = 50, 20
CODE = f"[a-z][a-z0-9_-]{{0,{CODE_MAX - 1}}}"
PARTIES = ("customer", "store", "platform")


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason. `sides` may choose it, for messages to `recipients`; both contain words of PARTIES.

    The context must be one of `kinds` in one of `states`. Empty `recipients`, `kinds` and `states` allow any.
    """

    code: str
    name: str
    sides: tuple[str, ...] = PARTIES
    kinds: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    hint: str | None = None
    url: str | None = None


SHIPPED = (
    Reason("delivery", "Delivery"),
    Reason("return", "Return"),
    Reason("product_question", "Question about a product"),
    Reason("payment", "Payment"),
    Reason("other", "Something else"),
)
_LIST = TypeAdapter(tuple[Reason, ...])


def read_reasons(text: str) -> tuple[Reason, ...]:
    """Parse a JSON list of reasons. Raises `ValueError` if it is not one."""
    return _LIST.validate_json(text)


class ReasonsType(TypeDecorator[tuple[Reason, ...]]):
    """Reasons in their order, stored as JSON."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Iterable[Reason] | None, dialect: Dialect) -> str:
        return _LIST.dump_json(tuple(value or ())).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[Reason, ...] | None:
        return None if value is None else read_reasons(value)


class ReasonList(Base):
    """The list, in one row, since it is always read and saved as a whole. Without the row, SHIPPED is in force."""

    __tablename__ = "reason_lists"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reasons: Mapped[tuple[Reason, ...]] = mapped_column(ReasonsType)
    changed_at: Mapped[datetime] = mapped_column(default=now)

    @classmethod
    def current(cls, session: Session) -> tuple[Reason, ...]:
        """Return the reasons in force. One statement."""
        return in_force(session.scalar(select(cls.reasons).where(cls.id == 1)))

    @classmethod
    def hold(cls, session: Session) -> tuple[Reason, ...]:
        """Return the reasons in force, locked until the transaction ends."""
        row = {"id": 1, "reasons": SHIPPED, "changed_at": now()}
        first = insert_for(session.get_bind().dialect.name, table_of(cls)).values(row)
        session.execute(first.on_conflict_do_nothing(index_elements=["id"]))
        return session.execute(select(cls.reasons).where(cls.id == 1).with_for_update()).scalar_one()

    @classmethod
    def replace(cls, session: Session, reasons: Iterable[Reason]) -> None:
        """Store the list. The caller must have locked it with `hold`."""
        session.execute(update(cls).where(cls.id == 1).values(reasons=tuple(reasons), changed_at=now()))


def in_force(stored: tuple[Reason, ...] | None) -> tuple[Reason, ...]:
    """Return the stored reasons, or the shipped defaults if there are none."""
    return SHIPPED if stored is None else stored
