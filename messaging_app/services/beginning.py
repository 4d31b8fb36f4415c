"""Beginning a conversation: the request, and its part of the first message's transaction."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from messaging_app.actors import Actor
from messaging_app.db.engine import now
from messaging_app.errors import DuplicateOpen, NotAllowed
from messaging_app.models import Conversation
from messaging_app.models.context import Named
from messaging_app.models.position import NewConversation, Taken
from messaging_app.services import contexts, drafts, reasons, recipients, starts


@dataclass(frozen=True, slots=True)
class Beginning:
    """A request for a new conversation: its parties, context, the conversation it continues, and its reason's code."""

    conversation_type: str
    recipient_type: str
    recipient_id: int | None
    context: Named | None
    follows: int | None
    reason: str

    @property
    def address(self) -> str:
        """What makes two requests with one key the same (see `sending.idempotently`)."""
        named = (*(self.context or ()), *([f"reason={self.reason}"] if self.reason else []))
        address = "/".join(("create", self.conversation_type, self.recipient_type, str(self.recipient_id), *named))
        return f"{address}/follows/{self.follows}" if self.follows else address

    def require_possible(self, actor: Actor) -> None:
        """Raise `NotAllowed` unless `actor` may begin this type, and `Invalid` for a recipient of another."""
        possible = starts.possible(actor, self.conversation_type, self.recipient_type)
        if possible.get(self.recipient_type) != self.conversation_type:
            if self.conversation_type in possible.values():
                raise drafts.wrong_recipient()
            raise NotAllowed

    def begin(self, session: Session, actor: Actor, subject: str, preview: str, reserved: int | None) -> Taken:
        """Begin it, under a reserved id if one is given. Joins the caller's transaction. Returns its first position.

        Raises `DuplicateOpen` if the parties have an open conversation about the same.
        """
        store_id, customer_id, says_why = recipients.resolve(session, actor, self.recipient_type, self.recipient_id)
        about = (
            contexts.of_new_conversation(session, actor, self.context, store_id, customer_id) if self.context else None
        )
        why = reasons.choose(session, actor, self.reason, self.recipient_type, about, says_why)
        other = about and Conversation.open_about(session, self.conversation_type, customer_id, about.id)
        if other:
            raise DuplicateOpen(other)
        parties = (self.conversation_type, store_id, customer_id)
        last = starts.last_of_chain(session, actor, self.follows, parties) if self.follows else None
        starts.count(session, actor)
        new = NewConversation(*parties, subject, preview, now(), reserved, about, last, why)
        return Conversation.begin(session, actor, new)
