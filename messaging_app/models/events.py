"""The kinds of events: one table of what each says, shows and does, for services, pages, API, doctor and demo.

A new kind is one more row here. Its English text is stored with the line, pages translate its sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from messaging_app.models.conversation import ConversationStatus


class SeenBy(StrEnum):
    """Who sees an event. Only what everyone sees is a line in `messages`, since everyone counts those by `seq`."""

    EVERYONE = "everyone"
    OWN_SIDE = "own side"


def N_(text: str) -> str:
    """Mark `text` for translation, which happens where it is shown (`messages/_event.html`)."""
    return text


@dataclass(frozen=True, slots=True)
class EventKind:
    """What an event of one kind says and does; `own_sentence` is for whoever did it.

    Sentences take `%(name)s`, who did it, and `%(content)s`, the text stored with it. `status` is the conversation's
    from then on; None leaves it as it is.
    """

    name: str
    sentence: str
    own_sentence: str
    icon: str
    status: ConversationStatus | None = None
    seen_by: SeenBy = SeenBy.EVERYONE

    def content_of(self, name: str, content: str = "") -> str:
        """The sentence in English, as it is stored and as the API returns it."""
        return self.sentence % {"name": name, "content": content}


CLOSED = EventKind(
    name="closed",
    sentence=N_("%(name)s closed this conversation"),
    own_sentence=N_("You closed this conversation"),
    icon="circle-check",
    status=ConversationStatus.CLOSED,
)
REOPENED = EventKind(
    name="reopened",
    sentence=N_("%(name)s reopened this conversation"),
    own_sentence=N_("You reopened this conversation"),
    icon="rotate-clockwise",
    status=ConversationStatus.OPEN,
)
EVENT_KINDS = {kind.name: kind for kind in (CLOSED, REOPENED)}
# Of a newer version of this program, which may run beside this one during an update: its text says what happened.
UNKNOWN = EventKind("", sentence="%(content)s", own_sentence="%(content)s", icon="alert-circle")


def event_kind(name: str) -> EventKind:
    """The kind called `name`; `UNKNOWN` where there is none."""
    return EVENT_KINDS.get(name, UNKNOWN)


def names_in_threads() -> set[str]:
    """The kinds that are lines of a thread."""
    return {kind.name for kind in EVENT_KINDS.values() if kind.seen_by == SeenBy.EVERYONE}


def statuses() -> dict[str, ConversationStatus]:
    """The kinds that open or close a conversation, with the status that follows."""
    return {kind.name: kind.status for kind in EVENT_KINDS.values() if kind.status is not None}
