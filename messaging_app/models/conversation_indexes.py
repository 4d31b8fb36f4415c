"""The indexes of conversations: each list is one range of one of them."""

from __future__ import annotations

from sqlalchemy import Index, text

from messaging_app.actors import ActorType
from messaging_app.models.scope import type_without

# Literals, not parameters: a query uses a partial index only if it repeats the index's condition exactly.
PLATFORM = f"conversation_type != '{type_without(ActorType.ADMIN).value}'"
STORE = f"conversation_type != '{type_without(ActorType.STORE).value}'"
CUSTOMER = "customer_id IS NOT NULL"
ABOUT, KIND, REASON = "context_id IS NOT NULL", "context_kind IS NOT NULL", "reason_code IS NOT NULL"


def _index(name: str, *columns: str, where: str) -> Index:
    """An index of a part of the conversations."""
    condition = text(where)
    return Index(name, *columns, "id", sqlite_where=condition, postgresql_where=condition)


def _inbox_index(name: str, *columns: str, where: str) -> Index:
    """An index of one audience's conversations in inbox order (read backwards: newest first)."""
    return _index(name, *columns, "last_message_at", where=where)


def _unique(name: str, *columns: str, where: str) -> Index:
    """A unique index of a part of the conversations."""
    condition = text(where)
    return Index(name, *columns, unique=True, sqlite_where=condition, postgresql_where=condition)


def _side_indexes(side: str, audience: str, *scope: str) -> tuple[Index, ...]:
    """The indexes of one side's lists: waiting for us, waiting for them, no reply needed, assigned, and snoozed.

    The status is always the same in the first two: without it SQLite, which has no statistics, would take another index.
    """
    name = f"ix_conversations_{audience}"
    where = {"platform": PLATFORM, "store": STORE}[audience]
    theirs = f"{where} AND status = 'open' AND last_sender_type"
    return (
        _index(
            f"{name}_ours", *scope, "status", "turn_since", where=f"{theirs} != '{side}' AND {side}_no_reply_at IS NULL"
        ),
        _index(f"{name}_theirs", *scope, "status", "turn_since", where=f"{theirs} = '{side}'"),
        _inbox_index(f"{name}_ruled_out", *scope, where=f"{where} AND {side}_no_reply_at IS NOT NULL"),
        _inbox_index(f"{name}_assigned", *scope, f"{side}_assignee_id", "status", where=where),
        _inbox_index(f"{name}_snoozed", *scope, where=f"{where} AND {side}_snoozed_until IS NOT NULL"),
    )


INDEXES = (
    _inbox_index("ix_conversations_platform", where=PLATFORM),
    _inbox_index("ix_conversations_platform_status", "status", where=PLATFORM),
    _inbox_index("ix_conversations_platform_type", "conversation_type", "status", where=PLATFORM),
    _inbox_index("ix_conversations_platform_store", "store_id", "status", where=PLATFORM),
    _inbox_index("ix_conversations_store", "store_id", where=STORE),
    _inbox_index("ix_conversations_store_status", "store_id", "status", where=STORE),
    _inbox_index(
        "ix_conversations_store_type",
        "store_id",
        "conversation_type",
        "status",
        where=STORE,
    ),
    _inbox_index("ix_conversations_customer", "customer_id", where=CUSTOMER),
    _inbox_index("ix_conversations_customer_status", "customer_id", "status", where=CUSTOMER),
    *_side_indexes("admin", "platform"),
    *_side_indexes("store", "store", "store_id"),
    _inbox_index("ix_conversations_context", "context_id", where=ABOUT),
    _inbox_index("ix_conversations_platform_kind", "context_kind", "status", where=f"{PLATFORM} AND {KIND}"),
    _inbox_index("ix_conversations_store_kind", "store_id", "context_kind", "status", where=f"{STORE} AND {KIND}"),
    _inbox_index("ix_conversations_platform_reason", "reason_code", "status", where=f"{PLATFORM} AND {REASON}"),
    _inbox_index("ix_conversations_store_reason", "store_id", "reason_code", "status", where=f"{STORE} AND {REASON}"),
    # One matter, one open conversation. Two indexes, since NULLs are never alike.
    _unique(
        "uq_conversations_open_context",
        *("conversation_type", "customer_id", "context_id"),
        where=f"status = 'open' AND {ABOUT} AND {CUSTOMER}",
    ),
    _unique(
        "uq_conversations_open_context_of_store",
        "context_id",
        where=f"status = 'open' AND {ABOUT} AND customer_id IS NULL",
    ),
    _unique("uq_conversations_follows", "follows_id", where="follows_id IS NOT NULL"),
)
