"""Saved replies: the team's list, the form of one, an import, and what the composer inserts."""

from __future__ import annotations

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from messaging_app.actors import Actor
from messaging_app.errors import FieldError, Invalid
from messaging_app.models import SavedReply
from messaging_app.policies import CONSOLE, policy_of
from messaging_app.services import saved_replies
from messaging_app.text.markup import with_name
from messaging_app.web.forms.saved_replies import RepliesFileForm, ReplyForm
from messaging_app.web.htmx import rendered, see_other
from messaging_app.web.views.questions import Question, ask

QUERY_MAX = 100


def list_saved_replies(actor: Actor) -> ResponseReturnValue:
    """List the replies that the team can use, with links to change its own."""
    return _list(actor, RepliesFileForm())


def new_saved_reply(actor: Actor) -> ResponseReturnValue:
    """Show the form for a new reply."""
    return _form(actor, ReplyForm(formdata=None))


def create_saved_reply(actor: Actor) -> ResponseReturnValue:
    """Create a reply for the team."""
    form = ReplyForm()
    try:
        saved_replies.create_reply(actor, form.name.data or "", form.text.data or "")
    except Invalid as refusal:
        form.refuse(refusal)
        return _form(actor, form, status=refusal.status)
    return see_other(_at(actor))


def edit_saved_reply(actor: Actor, reply_id: int) -> ResponseReturnValue:
    """Show the form of a reply; stores see the platform's replies read-only."""
    reply = saved_replies.get_reply(actor, reply_id)
    return _form(actor, ReplyForm(formdata=None, name=reply.name, text=reply.text), reply)


def save_saved_reply(actor: Actor, reply_id: int) -> ResponseReturnValue:
    """Change a reply."""
    form = ReplyForm()
    try:
        saved_replies.change_reply(actor, reply_id, form.name.data or "", form.text.data or "")
    except Invalid as refusal:
        form.refuse(refusal)
        return _form(actor, form, saved_replies.get_reply(actor, reply_id), refusal.status)
    return see_other(_at(actor))


def ask_delete_saved_reply(actor: Actor, reply_id: int) -> ResponseReturnValue:
    """Ask for confirmation before deleting a reply."""
    reply, at = saved_replies.get_reply(actor, reply_id), _at(actor)
    question = Question(
        with_name(_("Delete %(name)s?"), reply.name),
        f"{at}/{reply_id}/delete",
        at,
        _("Saved replies"),
        _("Keep it"),
        _("Delete"),
        ends=[("bolt", _("Nobody on your team will be able to insert it."))],
        keeps=[("messages", _("Messages written with it do not change."))],
    )
    return ask(question)


def delete_saved_reply(actor: Actor, reply_id: int) -> ResponseReturnValue:
    """Delete a reply."""
    saved_replies.delete_reply(actor, reply_id)
    return see_other(_at(actor))


def import_saved_replies(actor: Actor) -> ResponseReturnValue:
    """Import a CSV file."""
    form = RepliesFileForm()
    file = request.files.get("file")
    try:
        if file is None or not file.filename:
            raise Invalid(FieldError("file", "required", _("Choose a file.")))
        saved_replies.import_replies(actor, file.stream)
    except Invalid as refusal:
        form.refuse(refusal)
        return _list(actor, form, refusal.status)
    return see_other(_at(actor))


def offer_saved_replies(actor: Actor, conversation_id: int) -> ResponseReturnValue:
    """List replies that match the text after `/` in the composer."""
    offered = saved_replies.offer_replies(actor, conversation_id, request.args.get("q", "")[:QUERY_MAX])
    return rendered("saved_replies/_picker.html", replies=offered)


def use_saved_reply(actor: Actor, conversation_id: int, reply_id: int) -> ResponseReturnValue:
    """Return the text to insert, with its variables filled in for this conversation."""
    return Response(saved_replies.use_reply(actor, conversation_id, reply_id), mimetype="text/plain")


def _at(actor: Actor) -> str:
    return CONSOLE["saved_replies"].at[policy_of(actor).name]


def _list(actor: Actor, form: RepliesFileForm, status: int = 200) -> Response:
    found = saved_replies.list_replies(actor)
    own = [reply for reply in found if reply.belongs_to(actor)]
    platform = [reply for reply in found if not reply.belongs_to(actor)]
    return rendered("saved_replies/index.html", status, own=own, platform=platform, at=_at(actor), form=form)


def _form(actor: Actor, form: ReplyForm, reply: SavedReply | None = None, status: int = 200) -> Response:
    may_change = reply is None or reply.belongs_to(actor)
    return rendered("saved_replies/edit.html", status, form=form, reply=reply, may_change=may_change, at=_at(actor))
