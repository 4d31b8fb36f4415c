"""What must be true of the database after any interleaving of anything, recomputed from its rows."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Row, select

from messaging_app.extensions import db
from messaging_app.models import (
    Conversation,
    ConversationParticipant,
    Customer,
    Message,
    Store,
    StoreMembership,
    User,
)
from messaging_app.text import preview

Person = tuple[str, int]


def broken() -> list[str]:
    """A line for everything that is not as it must be; empty when all is well."""
    db.session.rollback()
    lines: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in db.session.execute(select(*Message.__table__.c).order_by(Message.conversation_id, Message.seq)):
        lines[row.conversation_id].append(row)
    seats: dict[int, dict[Person, Row[Any]]] = defaultdict(dict)
    for row in db.session.execute(select(*ConversationParticipant.__table__.c)):
        seats[row.conversation_id][row.participant_type, row.participant_id] = row
    active = active_people()
    faults: list[str] = []
    for head in db.session.execute(select(*Conversation.__table__.c)):
        faults += [f"conversation {head.id}: {fault}" for fault in _of_head(head, lines[head.id])]
        faults += [
            f"conversation {head.id}: {fault}" for fault in _of_seats(head, lines[head.id], seats[head.id], active)
        ]
    db.session.rollback()
    return faults


def active_people() -> set[tuple[str, int, int | None]]:
    """Everybody who counts: (type, id, store); the store is None for an admin."""
    staff = (
        select(User.id, Store.id)
        .join(StoreMembership, StoreMembership.user_id == User.id)
        .join(Store, Store.id == StoreMembership.store_id)
        .where(User.active, StoreMembership.active, Store.active)
    )
    customers = select(Customer.id, Store.id).join(Store, Store.id == Customer.store_id)
    admins = select(User.id).where(User.active, User.is_admin)
    people: set[tuple[str, int, int | None]] = {("admin", number, None) for number in db.session.scalars(admins)}
    people |= {("store", number, store) for number, store in db.session.execute(staff)}
    customers = customers.where(Customer.active, Store.active)
    return people | {("customer", number, store) for number, store in db.session.execute(customers)}


def _of_head(head: Row[Any], lines: list[Row[Any]]) -> list[str]:
    faults = []
    if [line.seq for line in lines] != list(range(1, head.last_seq + 1)):
        faults.append(f"its lines are {[line.seq for line in lines]}, its last seq is {head.last_seq}")
    spoken = [line for line in lines if line.kind == "message"]
    if [line.created_at for line in spoken] != sorted(line.created_at for line in spoken):
        faults.append("the times of its messages run against their order")
    if not spoken:
        return [*faults, "nobody has said anything"]
    last = spoken[-1]
    shown = (head.last_message_at, head.last_message_preview, head.last_sender_type, head.last_sender_id)
    if shown != (last.created_at, preview(last.content), last.sender_type, last.sender_id):
        faults.append(f"its head says {shown}, its last message is {last}")
    events = [line.event for line in lines if line.kind == "event"]
    if events != (["closed", "reopened"] * len(events))[: len(events)]:
        faults.append(f"its events are {events}")
    if (head.status == "closed") != (events[-1:] == ["closed"]) or (head.closed_at is None) != (head.status == "open"):
        faults.append(f"it is {head.status} after {events}, closed at {head.closed_at}")
    return faults


def _of_seats(
    head: Row[Any], lines: list[Row[Any]], seats: dict[Person, Row[Any]], active: set[tuple[str, int, int | None]]
) -> list[str]:
    faults = []
    spoken = [line for line in lines if line.kind == "message"]
    for person, seat in seats.items():
        store_id = None if person[0] == "admin" else head.store_id
        if not 0 <= seat.last_read_seq <= head.last_seq or seat.unread_count < 0:
            faults.append(f"seat {person} has read up to {seat.last_read_seq}, has {seat.unread_count} unread")
        if seat.store_id != head.store_id:
            faults.append(f"seat {person} belongs to store {seat.store_id}")
        wrote = any((line.sender_type, line.sender_id) == person for line in spoken)
        if bool(seat.has_written) != wrote:
            faults.append(f"seat {person} has written: {seat.has_written}, really: {wrote}")
        if (*person, store_id) not in active:
            continue
        unread = sum(line.seq > seat.last_read_seq and (line.sender_type, line.sender_id) != person for line in spoken)
        if seat.unread_count != unread:
            faults.append(f"seat {person} counts {seat.unread_count} unread, really {unread}")
    if head.customer_id is not None and ("customer", head.customer_id) not in seats:
        faults.append("its customer has no seat")
    for line in spoken:
        if (line.sender_type, line.sender_id) not in seats:
            faults.append(f"{line.sender_type} {line.sender_id} wrote without a seat")
    allowed = {"admin_store": {"admin", "store"}, "store_customer": {"store", "customer"}}
    kinds = allowed.get(head.conversation_type, {"admin", "customer"})
    faults += [f"{person} has no business here" for person in seats if person[0] not in kinds]
    return faults
