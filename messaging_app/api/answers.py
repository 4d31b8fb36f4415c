"""From rows to responses, and whether the client already has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import request
from pydantic import BaseModel

from messaging_app.actors import Actor
from messaging_app.api import schemas
from messaging_app.db.types import AnyRow
from messaging_app.policies import policy_of
from messaging_app.queries.inbox import SeenHead
from messaging_app.queries.thread import LineRow, SeatRow
from messaging_app.services import poll_state, threads
from messaging_app.web.views.files import FileView, files_of

BASE = "/api/v1"


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint returns. Without a body it becomes 204, or 304 if the client already holds `etag`.

    `next_page` holds the query parameters that change for the next page.
    """

    body: BaseModel | None = None
    etag: str | None = None
    next_page: dict[str, object] | None = None
    location: str | None = None
    status: int | None = None  # one of `Endpoint.also`, instead of the usual one


def address_of(actor: Actor, conversation_id: int) -> str:
    """Return the API path of a conversation."""
    return f"{BASE}/{policy_of(actor).name}/messages/{conversation_id}"


def link_to_next(changes: dict[str, object]) -> str:
    """Return a `Link` header to the next page. Only the path, because the Host header cannot be trusted."""
    return f'<{request.path}?{urlencode(request.args.to_dict() | changes)}>; rel="next"'


def is_held(etag: str) -> bool:
    """Whether the client already holds this ETag."""
    return request.if_none_match.contains_weak(etag)


def state_of(thread: threads.Thread) -> str:
    """Return the ETag of a conversation. It includes the reader's own seat, which the API shows."""
    own = thread.mine
    seat = (own.participant_name, own.unread_count, own.last_read_seq, own.last_read_at) if own else ()
    return poll_state.of_thread(thread, seat)


def summary(actor: Actor, row: SeenHead, unread_count: int) -> dict[str, object]:
    """Return the fields of a `ConversationSummary`, for customers of a `StorefrontConversationSummary`."""
    counterpart = {"type": row.counterpart_type, "id": row.counterpart_id, "name": row.counterpart_name}
    context = row.context and {**row.context, "as_of": row.created_at}
    made = {"counterpart": counterpart, "unread_count": unread_count, "context": context}
    return made | {name: getattr(row, name) for name in summary_model(actor).model_fields if name not in made}


def summary_model(actor: Actor) -> type[schemas.StorefrontConversationSummary]:
    """Return what lists show this actor."""
    own = policy_of(actor).has_team
    return schemas.ConversationSummary if own else schemas.StorefrontConversationSummary


def summary_of(actor: Actor, thread: threads.Thread) -> dict[str, object]:
    """Return the fields of a `ConversationSummary` for one conversation."""
    return summary(actor, thread.head, thread.mine.unread_count if thread.mine else 0)


def detail_of(actor: Actor, thread: threads.Thread) -> BaseModel:
    """Return a conversation with its participants and messages."""
    team, storefront = schemas.ConversationDetailResponse, schemas.StorefrontConversationDetailResponse
    model: type[BaseModel] = team if policy_of(actor).has_team else storefront
    return model.model_validate(
        {
            **summary_of(actor, thread),
            "participants": [_participant(seat) for seat in thread.seats],
            "email_notifications": bool(thread.mine and thread.mine.email_notifications),
            "messages": messages_of(actor, thread.lines),
            "has_older": thread.has_older,
        }
    )


def messages_of(actor: Actor, lines: Sequence[LineRow]) -> list[dict[str, object]]:
    """Return the fields of a `MessageResponse` for each line."""
    return [
        {
            "id": line.id,
            "conversation_id": line.conversation_id,
            "seq": line.seq,
            "kind": line.kind,
            "event": line.event,
            "sender": {"type": line.sender_type, "id": line.sender_id, "name": line.sender_name},
            "content": line.content,
            "created_at": line.created_at,
            "attachments": [file_of(address_of(actor, line.conversation_id), file) for file in files_of(line.files)],
        }
        for line in lines
    ]


def _participant(seat: SeatRow) -> dict[str, object]:
    return {
        "type": seat.participant_type,
        "id": seat.participant_id,
        "name": seat.participant_name,
        "last_read_seq": seat.last_read_seq,
        "last_read_at": seat.last_read_at,
    }


def file_of(address: str, file: FileView | AnyRow) -> dict[str, object]:
    """Return the fields of an `AttachmentResponse`. `address` is the path of what its files belong to."""
    removed = file.removed_at is not None
    url = None if removed else f"{address}/attachments/{file.id}"
    by = {"type": file.removed_by_type, "id": file.removed_by_id, "name": file.removed_by_name} if removed else None
    return {
        "id": file.id,
        "filename": file.filename,
        "mime_type": file.mime_type,
        "size": file.size,
        "is_image": file.mime_type.startswith("image/"),
        "download_url": url,
        "thumbnail_url": f"{url}/thumbnail" if url and file.thumbnail_width is not None else None,
        "removed_at": file.removed_at,
        "removed_by": by,
    }
