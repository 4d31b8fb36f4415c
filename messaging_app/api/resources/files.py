"""Attached files."""

from __future__ import annotations

from flask import Response, make_response
from flask.typing import ResponseReturnValue

from messaging_app.actors import Actor
from messaging_app.api import problems
from messaging_app.api import schemas as s
from messaging_app.api.answers import Answer
from messaging_app.errors import FieldError, Invalid
from messaging_app.services import attachments
from messaging_app.web.views import attachments as served


def download(actor: Actor, conversation_id: int, attachment_id: int) -> Response:
    """The file, byte for byte."""
    return _file(served.download(actor, conversation_id, attachment_id))


def thumbnail(actor: Actor, conversation_id: int, attachment_id: int) -> Response:
    """An image's preview."""
    return _file(served.thumbnail(actor, conversation_id, attachment_id))


def download_of_note(actor: Actor, conversation_id: int, attachment_id: int) -> Response:
    """The file of a note, byte for byte."""
    return _file(served.download_of_note(actor, conversation_id, attachment_id))


def thumbnail_of_note(actor: Actor, conversation_id: int, attachment_id: int) -> Response:
    """The preview of a note's image."""
    return _file(served.thumbnail_of_note(actor, conversation_id, attachment_id))


def remove_attachment(actor: Actor, conversation_id: int, attachment_id: int, query: s.RemovalQuery) -> Answer:
    """Remove a file. Removing it again is allowed."""
    attachments.delete_attachment(actor, conversation_id, attachment_id, _reason(query))
    return Answer()


def remove_of_note(actor: Actor, conversation_id: int, attachment_id: int, query: s.RemovalQuery) -> Answer:
    """Remove a file of a note. Removing it again is allowed."""
    attachments.delete_note_attachment(actor, conversation_id, attachment_id, _reason(query))
    return Answer()


def _reason(query: s.RemovalQuery) -> str:
    if "\0" in query.reason:
        raise Invalid(FieldError("reason", "invalid_characters", "The reason holds characters that cannot be stored."))
    return query.reason


def _file(served_file: ResponseReturnValue) -> Response:
    response = make_response(served_file)
    if response.status_code != 416:
        return response
    problem = problems.answer("range_not_satisfiable")
    problem.headers["Content-Range"] = response.headers["Content-Range"]
    return problem
