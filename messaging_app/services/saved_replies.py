"""Saved replies: texts that a team uses often, with variables for names and numbers."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import IO, NamedTuple

from flask_babel import lazy_gettext as _
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import writing
from messaging_app.db.types import DbSession
from messaging_app.errors import FieldError, Invalid, NotAllowed, NotFound
from messaging_app.extensions import db
from messaging_app.models import SavedReply
from messaging_app.models.saved_reply import NAME_MAX
from messaging_app.queries.thread import SeatRow
from messaging_app.services.threads import get_head
from messaging_app.text import TextRefused, clean_content, clean_subject, search_key

MOST = 1_000  # replies per team
OFFERED = 20
NOT_FOUND = 3  # the rank of replies that do not match
FILE_MAX = 1024 * 1024  # bytes
VARIABLE = re.compile(r"\{([a-z]+\.[a-z_]+)\}")
_SENTENCES = {
    "required": _("This is missing."),
    "too_long": _("This is too long."),
    "invalid_characters": _("This contains characters that cannot be stored."),
}


class Imported(NamedTuple):
    """The result of an import."""

    new: int
    changed: int


def list_replies(actor: Actor, q: str = "") -> list[SavedReply]:
    """Return the replies that `actor` may use, the most used first. One statement.

    With `q` only those that contain it: names that begin with it first, then other names, then texts.
    """
    visible = select(SavedReply).where(SavedReply.visible_to(actor))
    found = db.session.scalars(visible.order_by(SavedReply.used.desc(), SavedReply.name, SavedReply.id)).all()
    wanted = search_key(q)
    ranked = [(_rank(reply, wanted), reply) for reply in found]
    return [reply for rank, reply in sorted(ranked, key=lambda pair: pair[0]) if rank < NOT_FOUND]


def get_reply(actor: Actor, reply_id: int) -> SavedReply:
    """Return a reply that `actor` may use. Raises `NotFound`."""
    return _find(db.session, actor, reply_id)


def create_reply(actor: Actor, name: str, text: str) -> SavedReply:
    """Create a reply for the actor's team. Raises `Invalid` on fields `name`, `text`."""
    name, text = _checked(name, text)
    with writing(db.session) as session:
        _leave_room(session, actor, 1)
        reply = SavedReply(store_id=_store_of(actor), name=name, text=text)
        session.add(reply)
    return reply


def change_reply(actor: Actor, reply_id: int, name: str, text: str) -> SavedReply:
    """Change a reply of the actor's team. Raises `NotFound`, `NotAllowed` for the platform's, `Invalid`."""
    name, text = _checked(name, text)
    with writing(db.session) as session:
        reply = _own(session, actor, reply_id)
        reply.name, reply.text = name, text
    return reply


def delete_reply(actor: Actor, reply_id: int) -> None:
    """Delete a reply of the actor's team. Raises `NotFound`, `NotAllowed` for the platform's."""
    with writing(db.session) as session:
        session.delete(_own(session, actor, reply_id))


def import_replies(actor: Actor, file: IO[bytes]) -> Imported:
    """Import a CSV file with the columns `name` and `text`; an existing name gets the new text.

    All or nothing. Raises `Invalid` on field `file`, naming the line.
    """
    rows = list(_rows(file.read(FILE_MAX + 1)))
    with writing(db.session) as session:
        own = select(SavedReply).where(SavedReply.store_id.is_not_distinct_from(_store_of(actor)))
        known = {reply.name: reply for reply in session.scalars(own)}
        new = {name: text for name, text in rows if name not in known}
        _leave_room(session, actor, len(new))
        changed = 0
        for name, text in rows:
            if name in known and known[name].text != text:
                known[name].text, changed = text, changed + 1
        session.add_all(SavedReply(store_id=_store_of(actor), name=name, text=text) for name, text in new.items())
    return Imported(len(new), changed)


def offer_replies(actor: Actor, conversation_id: int, q: str) -> list[SavedReply]:
    """Return the best matches for `q` in a composer. Raises `NotFound`. Two statements."""
    get_head(actor, conversation_id)
    return list_replies(actor, q)[:OFFERED]


def use_reply(actor: Actor, conversation_id: int, reply_id: int) -> str:
    """Return a reply's text for a conversation and count the use.

    A variable that is unknown or has no value stays in the text; the page asks the user to fill it in.
    """
    head = get_head(actor, conversation_id).head
    with writing(db.session) as session:
        reply = _find(session, actor, reply_id)
        session.execute(update(SavedReply).where(SavedReply.id == reply_id).values(used=SavedReply.used + 1))
        text = reply.text
    values = _values(actor, head)
    return VARIABLE.sub(lambda found: values.get(found[1]) or found[0], text)


def _rank(reply: SavedReply, wanted: str) -> int:
    name = search_key(reply.name)
    if name.startswith(wanted):
        return 0
    return 1 if wanted in name else 2 if wanted in search_key(reply.text) else NOT_FOUND


def _values(actor: Actor, head: SeatRow) -> dict[str, str | None]:
    return {
        "customer.first_name": _first(head.counterpart_name) if head.counterpart_type == "customer" else None,
        "store.name": head.store_name,
        "me.first_name": _first(actor.name),
        "order.reference": head.context["reference"] if head.context and head.context["kind"] == "order" else None,
    }


def _first(name: str) -> str:
    return name.split()[0]


def _store_of(actor: Actor) -> int | None:
    return None if actor.type == ActorType.ADMIN else actor.store_id


def _find(session: DbSession, actor: Actor, reply_id: int) -> SavedReply:
    reply = session.scalar(select(SavedReply).where(SavedReply.id == reply_id, SavedReply.visible_to(actor)))
    if not isinstance(reply, SavedReply):
        raise NotFound
    return reply


def _own(session: Session, actor: Actor, reply_id: int) -> SavedReply:
    reply = _find(session, actor, reply_id)
    if not reply.belongs_to(actor):
        raise NotAllowed
    return reply


def _leave_room(session: Session, actor: Actor, new: int) -> None:
    own = SavedReply.store_id.is_not_distinct_from(_store_of(actor))
    kept = session.scalar(select(func.count()).select_from(SavedReply).where(own)) or 0
    if kept + new > MOST:
        raise Invalid(FieldError("name", "too_many", _("There can be at most %(max)s saved replies.", max=f"{MOST:,}")))


def _checked(name: str, text: str) -> tuple[str, str]:
    errors, cleaned = [], []
    for field, clean, raw in (("name", _clean_name, name), ("text", clean_content, text)):
        try:
            cleaned.append(clean(raw))
        except TextRefused as refused:
            errors.append(FieldError(field, refused.code, str(_SENTENCES[refused.code])))
    if errors:
        raise Invalid(*errors)
    return cleaned[0], cleaned[1]


def _clean_name(raw: str) -> str:
    return clean_subject(raw, NAME_MAX)


def _rows(content: bytes) -> Iterable[tuple[str, str]]:
    if len(content) > FILE_MAX:
        raise _refused(_("The file is larger than 1 MB."))
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        if [(name or "").strip().lower() for name in reader.fieldnames or ()] != ["name", "text"]:
            raise _refused(_("The first line must be: name,text"))
        reader.fieldnames = ["name", "text"]
        for row in reader:
            if None in row or row["text"] is None:
                raise _refused(_("Line %(line)s does not have two columns.", line=reader.line_num))
            try:
                yield _checked(row["name"], row["text"])
            except Invalid as refusal:
                fault = refusal.errors[0]
                line = _(
                    "Line %(line)s, %(column)s: %(fault)s",
                    line=reader.line_num,
                    column=fault.field,
                    fault=fault.message,
                )
                raise _refused(line) from None
    except (UnicodeDecodeError, csv.Error):
        raise _refused(_("This is not a CSV file in UTF-8 with the columns name and text.")) from None


def _refused(sentence: str) -> Invalid:
    return Invalid(FieldError("file", "invalid", sentence))
