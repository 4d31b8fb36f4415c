"""The event kinds: one table of sentences, icons and effects for services, pages, API, doctor and demo.

To add a kind, add a row. The English text is stored with the line; pages translate the sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from messaging_app.models.conversation import ConversationStatus


class SeenBy(StrEnum):
    """Who sees an event. Only events for everyone are lines in `messages`: every reader counts those by `seq`."""

    EVERYONE = "everyone"
    OWN_SIDE = "own side"


def N_(text: str) -> str:
    """Mark `text` for translation, which happens in `messages/_event.html`."""
    return text


@dataclass(frozen=True, slots=True)
class EventKind:
    """The sentence, icon and effect of one kind of event. `own_sentence` is shown to the user who caused it.

    Sentences may contain `%(name)s`, the user, and `%(content)s`, the text stored with the event. `status` is the
    conversation's new status; None leaves it unchanged. `your_sentence` is shown to the user whom it concerns.
    """

    name: str
    sentence: str
    own_sentence: str
    icon: str
    your_sentence: str = ""
    status: ConversationStatus | None = None
    is_of_shop: bool = False  # stated by the shop's program, not done by a user
    seen_by: SeenBy = SeenBy.EVERYONE

    def content_of(self, name: str, content: str = "") -> str:
        """Return the English sentence, as it is stored and as the API returns it."""
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
FACT = EventKind(
    name="fact",
    sentence=N_("%(content)s"),
    own_sentence=N_("%(content)s"),
    icon="package",
    is_of_shop=True,
)


def _own(name: str, icon: str, sentence: str, own_sentence: str, your_sentence: str = "") -> EventKind:
    return EventKind(name, sentence, own_sentence, icon, your_sentence, seen_by=SeenBy.OWN_SIDE)


NO_REPLY = _own("no_reply", "checks", N_("%(name)s: no reply needed"), N_("You: no reply needed"))
REPLY = _own("reply", "messages", N_("%(name)s: a reply is needed after all"), N_("You: a reply is needed after all"))
SNOOZED = _own("snoozed", "clock", N_("%(name)s snoozed this conversation"), N_("You snoozed this conversation"))
WOKEN = _own("woken", "clock", N_("%(name)s ended the snooze"), N_("You ended the snooze"))
TAKEN = _own("taken", "user-check", N_("%(name)s took this conversation"), N_("You took this conversation"))
GIVEN = _own(
    "given",
    "user-plus",
    N_("%(name)s gave this conversation to %(content)s"),
    N_("You gave this conversation to %(content)s"),
    N_("%(name)s gave this conversation to you"),
)
RELEASED = _own(
    "released", "user-minus", N_("%(name)s released this conversation"), N_("You released this conversation")
)
LEFT = _own(
    "left", "user-minus", N_("%(name)s has left, so nobody has this conversation"), N_("You left, so nobody has this")
)
EVENT_KINDS = {
    kind.name: kind for kind in (CLOSED, REOPENED, FACT, NO_REPLY, REPLY, SNOOZED, WOKEN, TAKEN, GIVEN, RELEASED, LEFT)
}
# Events written by a newer version, which may run in parallel during an update. Their stored text says what happened.
UNKNOWN = EventKind("", sentence="%(content)s", own_sentence="%(content)s", icon="alert-circle")


def event_kind(name: str) -> EventKind:
    """Return the kind called `name`, or `UNKNOWN`."""
    return EVENT_KINDS.get(name, UNKNOWN)


def names_in_threads() -> set[str]:
    """Return the names of the kinds that are lines of a thread."""
    return {kind.name for kind in EVENT_KINDS.values() if kind.seen_by == SeenBy.EVERYONE}


def statuses() -> dict[str, ConversationStatus]:
    """Return the kinds that open or close a conversation, with the resulting status."""
    return {kind.name: kind.status for kind in EVENT_KINDS.values() if kind.status is not None}
