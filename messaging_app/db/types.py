"""What columns are made of on both databases, and the parent of every model."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeAlias

from sqlalchemy import BigInteger, DateTime, Dialect, Insert, Integer, MetaData, Select, Table, Update
from sqlalchemy.orm import DeclarativeBase, registry
from sqlalchemy.sql.expression import SQLColumnExpression
from sqlalchemy.types import TypeDecorator

Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only in a column of type INTEGER
MAX_ID = 2**63 - 1
Column: TypeAlias = SQLColumnExpression[Any]  # of whatever type: the row's NamedTuple says which
Columns: TypeAlias = Select[*tuple[Any, ...]]
Statement: TypeAlias = Columns | Insert | Update


class _NaiveUtc(TypeDecorator[datetime]):
    """An aware datetime, stored as naive UTC text: SQLite has no type for it."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC).replace(tzinfo=None) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None else None


UtcDateTime = DateTime(timezone=True).with_variant(_NaiveUtc(), "sqlite")


class Base(DeclarativeBase):
    """Parent of every model; its naming convention lets one migration chain serve both databases."""

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
    """The table of a model, for statements that go past the unit of work."""
    return model.metadata.tables[model.__tablename__]
