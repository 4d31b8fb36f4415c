"""What conversations are about: the context belongs to the conversation's store, and the copies in its row agree."""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.engine import Connection
from sqlalchemy.orm import aliased

from messaging_app.db.types import table_of
from messaging_app.directory.bulk import update_rows
from messaging_app.doctor.checks import first_of, some
from messaging_app.models import Context, Conversation, Customer


def find_of_other_store(connection: Connection) -> str | None:
    """Contexts belong to their conversation's store and customer, and conversations with one have a snapshot."""
    strange = (
        select(Conversation.id, Conversation.context_id, Context.store_id)
        .outerjoin(Context, Context.id == Conversation.context_id)
        .where(Conversation.context_id.is_not(None))
        .where(or_(Context.id.is_(None), Context.store_id != Conversation.store_id))
    )
    if (found := first_of(connection, strange)) is not None:
        row, number = found
        return f"{some(number, 'conversation')} about nothing of their store (first: conversation {row.id})"
    half = select(Conversation.id).where(Conversation.context_id.is_(None) != Conversation.context.is_(None))
    if (found := first_of(connection, half)) is not None:
        row, number = found
        return f"{some(number, 'conversation')} with half a context (first: conversation {row.id})"
    of_others = (
        select(Context.id, Context.kind, Context.reference)
        .join(Customer, Customer.id == Context.customer_id)
        .where(Customer.store_id != Context.store_id)
    )
    if (found := first_of(connection, of_others)) is None:
        return None
    row, number = found
    return f"{some(number, 'context')} of another store's customer (first: {row.kind} {row.reference})"


def find_strange_follow_ups(connection: Connection) -> str | None:
    """A conversation follows an earlier one of the same parties."""
    earlier = aliased(Conversation)
    strange = (
        select(Conversation.id)
        .outerjoin(earlier, earlier.id == Conversation.follows_id)
        .where(Conversation.follows_id.is_not(None))
        .where(
            or_(
                earlier.id.is_(None),
                earlier.created_at > Conversation.created_at,
                earlier.conversation_type != Conversation.conversation_type,
                earlier.store_id != Conversation.store_id,
                earlier.customer_id.is_distinct_from(Conversation.customer_id),
            )
        )
    )
    if (found := first_of(connection, strange)) is None:
        return None
    row, number = found
    return f"{some(number, 'conversation')} following what they cannot (first: conversation {row.id})"


def _wrong_copies(connection: Connection) -> list[dict[str, object]]:
    """The right kind of each conversation that does not say the kind of its context, or says one without having one."""
    query = (
        select(Conversation.id, Context.kind, Conversation.context_kind)
        .outerjoin(Context, Context.id == Conversation.context_id)
        .where(Conversation.context_kind.is_distinct_from(Context.kind))
        .order_by(Conversation.id)
    )
    return [{"id": row.id, "context_kind": row.kind} for row in connection.execute(query)]


def find_wrong_kinds(connection: Connection) -> str | None:
    """A conversation's row says the kind of its context."""
    broken = _wrong_copies(connection)
    return f"{some(len(broken), 'conversation')} wrong (first: conversation {broken[0]['id']})" if broken else None


def set_kinds(connection: Connection) -> None:
    """Copy the kinds from the contexts."""
    update_rows(connection, table_of(Conversation), _wrong_copies(connection), "id")
