"""A thread as templates see it: lines with days and senders, the unread line, and read marks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask_babel import gettext as _

from messaging_app.actors import Actor, ActorType
from messaging_app.bus.presence import Present
from messaging_app.formats.reader import reader_zone, today
from messaging_app.models import ConversationStatus
from messaging_app.models.events import EventKind, event_kind
from messaging_app.policies import policy_of
from messaging_app.queries.thread import LineRow, SeatRow
from messaging_app.services import poll_state, presence, sending, starts, threads, undo
from messaging_app.services.sending import Sent
from messaging_app.services.upload_limits import Limits, limits_of
from messaging_app.web.views.about import About, about
from messaging_app.web.views.files import FileView, files_of
from messaging_app.web.views.found import AtHit
from messaging_app.web.views.own_lines import OwnLine, OwnNote, own_lines_of

FOLLOWS_WITHIN = timedelta(minutes=5)
NOBODY: Any = (None, None, datetime.max.replace(tzinfo=UTC))
WINDOW_MAX = 200  # maximum lines per response; a page that missed more gets the whole thread


class Line(NamedTuple):
    """One message or event, with what its position and its reader add."""

    row: Any
    mine: bool
    follow: bool
    new_day: bool
    role_label: str
    attachments: list[FileView]

    @property
    def seq(self) -> int:
        """The line's number in the conversation."""
        return int(self.row.seq)

    @property
    def kind(self) -> str:
        """message or event."""
        return str(self.row.kind)

    @property
    def event(self) -> EventKind:
        """The kind of an event."""
        return event_kind(self.row.event)

    @property
    def sender_name(self) -> str:
        """The sender's name at the time of writing."""
        return str(self.row.sender_name)

    @property
    def created_at(self) -> datetime:
        """When the line was written."""
        return self.row.created_at  # type: ignore[no-any-return]


class Reader(NamedTuple):
    """A participant and the last line they have read."""

    type: str
    name: str
    last_read_seq: int
    last_read_at: datetime | None


@dataclass(slots=True)
class Seat:
    """The reader's own seat. Without one, nothing is unread and e-mail is off."""

    email_notifications: bool = False
    last_read_seq: int = 0
    unread_count: int = 0
    mentions: int = 0
    is_given: bool = False  # assigned by a colleague, and not opened since


@dataclass(slots=True)
class ThreadView:
    """The data for the thread's templates. A change to it changes `have`.

    From `first_unread_seq` on, `new_count` messages are unread. `others` are the other participants; `read_by` are
    those of them who have read anything, furthest first. `read_seq` is the reader's newest shown message that another
    participant has read. `removed` are files of earlier lines that were removed since.
    """

    conversation: Any
    address: str
    seat: Seat
    lines: list[Line | OwnLine | OwnNote]
    has_older: bool
    first_unread_seq: int | None
    new_count: int
    others: list[Reader]
    read_by: list[Reader]
    read_seq: int | None
    have: str
    removed: list[Any] = field(default_factory=list)
    brief: bool = False
    about: About | None = None
    has_others: bool = False  # whether there is a list of other conversations with the same people or about the same
    reply_reopens: bool = False  # whether what the reader writes reopens this closed conversation
    write_again: str = ""  # URL to begin a follow-up, if this one is closed for good
    closed_for_good: bool = False  # whether it is closed, and nothing that the reader writes reopens it
    hit: AtHit | None = None  # the line at which a search opened it
    delayed: list[undo.Shown] = field(default_factory=list)  # delayed messages of the reader's side
    present: list[Present] = field(default_factory=list)  # colleagues who have it open
    was_open: bool = False  # whether the reader was redirected here instead of beginning another about the same context

    @property
    def is_beside(self) -> bool:
        """Whether there is a side panel."""
        return self.about is not None or self.has_others

    @property
    def foot(self) -> str:
        """The template at the end of the thread: the composer or its replacement."""
        status = str(self.conversation.status)
        return f"{status}-continued" if self.closed_for_good and self.conversation.continued_id else status

    @property
    def limits(self) -> Limits:
        """The limits for attachments."""
        return limits_of(lambda key: getattr(self.conversation, key))

    @property
    def unread_count(self) -> int:
        """The reader's unread messages here."""
        return self.seat.unread_count

    @property
    def known_mentions(self) -> int:
        """The number of shown notes that mention the reader, minus mentions they have not seen yet.

        The page reports reading while the number differs from that of the notes.
        """
        shown = sum(isinstance(line, OwnNote) and line.is_for_me for line in self.lines)
        return shown - self.seat.mentions - self.seat.is_given

    @property
    def first_seq(self) -> int:
        """The first line shown; one past the last if there is none."""
        return self.lines[0].seq if self.lines else self.last_seq + 1

    @property
    def last_seq(self) -> int:
        """The last line shown."""
        return self.lines[-1].seq if self.lines else int(self.conversation.last_seq)


@dataclass(slots=True)
class SentView:
    """The data for the response to a send: the new lines. The rest of the page stays as it is."""

    address: str
    lines: list[Line | OwnLine | OwnNote]
    last_seq: int
    have: str = poll_state.UNKNOWN
    first_unread_seq: None = None
    new_count: int = 0
    read_seq: None = None
    removed: tuple[()] = ()
    brief: bool = True
    hit: None = None


def state_of(thread: threads.Thread, present: list[Present]) -> str:
    """Return the state of a thread on a page, with who else is there. It changes with the day: "today" becomes "Yesterday"."""
    return poll_state.of_thread(thread, today(), thread.head.delayed, present)


def show(actor: Actor, thread: threads.Thread, *, context: LineRow | None = None) -> ThreadView:
    """Prepare `thread` for `actor`. `context` is the line before the first, which determines its day and sender."""
    head, own = thread.head, thread.mine
    seat = _seat(own) if own else Seat()
    lines = _lines(actor, head.store_name, thread.lines, context)
    others = [
        Reader(s.participant_type, s.participant_name, s.last_read_seq, s.last_read_at)
        for s in thread.seats
        if s is not own and s.participant_type is not None
    ]
    read_by = sorted((reader for reader in others if reader.last_read_at), key=lambda reader: -reader.last_read_seq)
    own_newest = next((line.seq for line in reversed(lines) if line.mine and line.kind == "message"), None)
    is_read = own_newest is not None and bool(read_by) and read_by[0].last_read_seq >= own_newest
    first_unread, new_count = _unread(seat, lines, own_newest or 0)
    is_closed, may_close = head.status == ConversationStatus.CLOSED, policy_of(actor).may_close
    reopens = is_closed and (
        not head.continued_id if may_close else sending.reply_reopens(actor, head.closed_at, head.reply_reopens_days)
    )
    closed = is_closed and not reopens
    present = presence.list_others(actor, head.id)
    return ThreadView(
        conversation=head,
        address=policy_of(actor).thread(head.id),
        seat=seat,
        lines=lines,
        has_older=thread.has_older,
        first_unread_seq=first_unread,
        new_count=new_count,
        others=others,
        read_by=read_by,
        read_seq=own_newest if is_read else None,
        have=state_of(thread, present),
        present=present,
        about=about(head),
        delayed=undo.list_delayed(actor, head.id) if head.delayed is not None else [],
        reply_reopens=reopens,
        write_again=_write_again(actor, head) if closed and not head.continued_id else "",
        closed_for_good=closed,
        has_others=policy_of(actor).has_team and (head.customer_id is not None or head.context_id is not None),
    )


def _unread(seat: Seat, lines: list[Line | OwnLine | OwnNote], own_newest: int) -> tuple[int | None, int]:
    """Return the first unread line shown, and how many are unread. Messages before the reader's own newest count as read."""
    if not seat.unread_count:
        return None, 0
    unread = [line.seq for line in lines if line.seq > seat.last_read_seq and not line.mine and line.kind == "message"]
    fresh = [seq for seq in unread if seq > own_newest]
    return next(iter(fresh), None), seat.unread_count - seat.mentions - len(unread) + len(fresh)


def _write_again(actor: Actor, head: SeatRow) -> str:
    """Return the URL where a customer begins a follow-up of this conversation; "" if they may not."""
    if head.conversation_type not in policy_of(actor).starts.values() or not starts.may_ask(actor):
        return ""
    about = head.context if head.context_version is not None else None  # as long as it is theirs
    name = {"context_kind": about["kind"], "context_reference": about["reference"]} if about else {}
    return f"{policy_of(actor).messages}/new?{urlencode(name | {'follows': str(head.id)})}"


def _seat(own: SeatRow) -> Seat:
    is_given = own.given_by is not None
    return Seat(own.email_notifications, own.last_read_seq, own.unread_count, own.mentions, is_given)


def show_sent(actor: Actor, sent: Sent, rows: list[LineRow], context: LineRow | None) -> SentView:
    """Prepare the lines that came with a message that was just sent."""
    lines = _lines(actor, sent.store_name or "", rows, context)
    address = policy_of(actor).thread(sent.conversation_id)
    return SentView(address, lines, lines[-1].seq if lines else sent.seq)


def window(thread: threads.Thread) -> int:
    """Return how many newest lines to open with: a page, or all unread with a few before, up to 200."""
    unread = thread.head.last_seq - thread.mine.last_read_seq if thread.mine and thread.mine.unread_count else 0
    return min(max(threads.THREAD_PAGE, unread + 5), WINDOW_MAX)


def _lines(
    actor: Actor, store_name: str, rows: list[LineRow], context: LineRow | None
) -> list[Line | OwnLine | OwnNote]:
    labels: dict[str, str] = {
        ActorType.ADMIN: _("Platform"),
        ActorType.STORE: store_name,
        ActorType.CUSTOMER: _("Customer"),
    }
    lines: list[Line | OwnLine | OwnNote] = (
        list(own_lines_of(actor, context)) if context is not None and (context.own or context.notes) else []
    )
    me, you = (actor.type, actor.id), _("You")
    kind, sender, at = NOBODY  # the line before the first, without sender and day
    begins = ends = at
    if context is not None:
        kind, sender, at = context.kind, (context.sender_type, context.sender_id), context.created_at
        begins, ends = _day_of(at)
    for row in rows:
        before, kind = kind, row.kind
        voice, sender = sender, (row.sender_type, row.sender_id)
        earlier, at = at, row.created_at
        new_day = not begins <= at < ends
        if new_day:
            begins, ends = _day_of(at)
        spoken = kind == before == "message" and sender == voice
        follow = spoken and not new_day and at - earlier < FOLLOWS_WITHIN
        files = files_of(row.files) if row.files else []
        line = Line(
            row=row,
            mine=sender == me,
            follow=follow,
            new_day=new_day,
            role_label=you if sender == me else labels[sender[0]],
            attachments=files,
        )
        lines.append(line)
        if row.own or row.notes:
            lines += own_lines_of(actor, row)
    return lines


def _day_of(moment: datetime) -> tuple[datetime, datetime]:
    """Return the start and end of the reader's day around `moment`, in UTC, to find lines of one day by comparison."""
    zone = reader_zone()
    return _bounds(moment.astimezone(zone).date(), zone)


@lru_cache(maxsize=1024)
def _bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    begin = datetime.combine(day, time(), zone)
    return begin.astimezone(UTC), (begin + timedelta(days=1)).astimezone(UTC)
