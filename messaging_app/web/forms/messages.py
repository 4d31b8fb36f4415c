"""Forms for writing: messages, notes, new conversations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from flask_babel import lazy_gettext as _
from wtforms import HiddenField, SearchField, SelectField, StringField, TextAreaField

from messaging_app.models.context import REFERENCE_MAX
from messaging_app.text import CONTENT_MAX, SUBJECT_MAX
from messaging_app.web.forms import KeyedForm

if TYPE_CHECKING:
    from messaging_app.web.views.thread import Line

TEXT = {"data-limit": CONTENT_MAX, "dir": "auto"}


class TakenFile(NamedTuple):
    """A file of an undone message: the path of its content, and its name."""

    address: str
    name: str


class MessageForm(KeyedForm):
    """The composer. `after` is the seq of the last line on the page; `newer` is what others have written since.

    `open_instead` is the open conversation about the same context if this one is closed. `taken_back` are the files of an
    undone message whose text is back in the composer, None if there is none.
    """

    open_instead: int | None = None

    newer: Sequence[Line] = ()
    taken_back: Sequence[TakenFile] | None = None
    after = HiddenField()
    content = TextAreaField(_("Message"), render_kw=TEXT)


class NoteForm(KeyedForm):
    """A note for one's own side. The key identifies its draft in this browser."""

    content = TextAreaField(_("Note"), id="note-content", render_kw=TEXT)


class ComposeForm(KeyedForm):
    """A new conversation. Its template renders the list of recipients, and offers the kinds of contexts."""

    recipient_id = HiddenField()
    draft = HiddenField()  # what a link named: its draft is kept separately from those of other forms
    q = SearchField(_("To"), id="recipient-q")
    context_kind = SelectField(_("About"), id="compose-kind", validate_choice=False)
    context_reference = StringField(
        _("Number"),
        id="compose-reference",
        render_kw={"autocomplete": "off", "maxlength": REFERENCE_MAX, "dir": "auto"},
    )
    reason = HiddenField(_("Reason"), id="compose-reason")  # rendered as radio buttons
    subject = StringField(_("Subject"), id="compose-subject", render_kw={"dir": "auto"})
    content = TextAreaField(_("Message"), id="compose-content", render_kw=TEXT)


class AskForm(KeyedForm):
    """A customer's question to their store. Hidden fields hold its context and the conversation it continues."""

    context_kind = HiddenField()
    context_reference = HiddenField()
    reason = HiddenField(_("Why are you writing?"), id="ask-reason")  # rendered as radio buttons
    follows = HiddenField()  # the number of the closed conversation
    subject = StringField(_("Subject"), id="ask-subject", render_kw={"dir": "auto", "maxlength": SUBJECT_MAX})
    content = TextAreaField(_("Your message"), id="ask-content", render_kw=TEXT | {"rows": 5})
