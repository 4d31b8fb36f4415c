"""The column types for both databases, and the base class of every model."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeAlias

from sqlalchemy import BigInteger, DateTime, Dialect, Insert, Integer, MetaData, Row, Select, Table, Update
from sqlalchemy.orm import DeclarativeBase, Session, registry, scoped_session
from sqlalchemy.sql.expression import SQLColumnExpression
from sqlalchemy.types import TypeDecorator

Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite generates ids only for columns of type INTEGER
MAX_ID = 2**63 - 1
Column: TypeAlias = SQLColumnExpression[Any]  # of any type; the row's NamedTuple declares it
Columns: TypeAlias = Select[*tuple[Any, ...]]
AnyRow: TypeAlias = Row[*tuple[Any, ...]]  # its columns are the statement's
Fields: TypeAlias = dict[str, object]  # a row to be written, by column
DbSession: TypeAlias = Session | scoped_session[Any]  # `db.session`, or the one that `writing` yields
Statement: TypeAlias = Columns | Insert | Update


def is_number(text: str) -> bool:
    """Whether `text` is a whole number in ASCII digits that fits the database."""
    return text.isascii() and text.isdigit() and len(text) <= len(str(MAX_ID)) and int(text) <= MAX_ID


class _NaiveUtc(TypeDecorator[datetime]):
    """An aware datetime, stored as naive UTC because SQLite has no type for it."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC).replace(tzinfo=None) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None else None


UtcDateTime = DateTime(timezone=True).with_variant(_NaiveUtc(), "sqlite")


class Base(DeclarativeBase):
    """The base class of every model. Its naming convention lets one migration chain serve both databases."""

    registry = registry(
        type_annotation_map={datetime: UtcDateTime, int: Id},
        metadata=MetaData(
            naming_convention={
                "ix": "ix_%(table_name)s_%(column_0_N_name)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "ck": "ck_%(table_name)s_%(constraint_name)s",
                "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
                "pk": "pk_%(table_name)s",
            }
        ),
    )


def table_of(model: type[Base]) -> Table:
    """The table of a model, for statements that bypass the unit of work."""
    return model.metadata.tables[model.__tablename__]
