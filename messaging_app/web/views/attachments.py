"""Download, preview and removal of attachments."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

from flask import Response, current_app, make_response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from messaging_app.actors import Actor
from messaging_app.db.types import MAX_ID, AnyRow
from messaging_app.errors import NotFound, Unavailable
from messaging_app.policies import policy_of
from messaging_app.services import attachments
from messaging_app.storage import FileMissing, StorageUnavailable
from messaging_app.web.htmx import is_htmx, rendered, see_other, toast, whole_number, with_events
from messaging_app.web.views.messages import update

THUMBNAIL_MIME = "image/webp"


def download(actor: Actor, conversation_id: int, attachment_id: int) -> ResponseReturnValue:
    """Send the file byte for byte, with HEAD and Range. Images may be shown inline, everything else is saved."""
    return _whole(attachments.get_attachment(actor, conversation_id, attachment_id))


def thumbnail(actor: Actor, conversation_id: int, attachment_id: int) -> ResponseReturnValue:
    """Send the preview of an image."""
    return _preview(attachments.get_attachment(actor, conversation_id, attachment_id))


def download_of_note(actor: Actor, conversation_id: int, attachment_id: int) -> ResponseReturnValue:
    """Send the file of a note, as `download` does for messages."""
    return _whole(attachments.get_note_attachment(actor, conversation_id, attachment_id))


def thumbnail_of_note(actor: Actor, conversation_id: int, attachment_id: int) -> ResponseReturnValue:
    """Send the preview of an image of a note of one's own side."""
    return _preview(attachments.get_note_attachment(actor, conversation_id, attachment_id))


def _whole(found: AnyRow) -> Response:
    inline = found.mime_type.startswith("image/")
    return serve(found.key, found.mime_type, found.size, found.filename, inline=inline, etag=found.sha256)


def _preview(found: AnyRow) -> Response:
    if found.thumbnail_key is None:
        raise NotFound
    try:
        size = attachments.storage().size(found.thumbnail_key)
    except FileMissing as error:
        raise NotFound from error
    except StorageUnavailable as error:
        raise Unavailable from error
    return serve(found.thumbnail_key, THUMBNAIL_MIME, size, "thumbnail.webp", inline=True, etag=f"{found.sha256}-t")


def remove(actor: Actor, conversation_id: int, attachment_id: int) -> ResponseReturnValue:
    """Remove a file. The thread then shows by whom and when."""
    attachments.delete_attachment(actor, conversation_id, attachment_id, request.form.get("reason", ""))
    if not is_htmx():
        return see_other(policy_of(actor).thread(conversation_id))
    answer = update(actor, conversation_id, whole_number("after", "form") or MAX_ID, removals=1)
    return with_events(answer, toast=toast(_("File removed.")))


def remove_of_note(actor: Actor, conversation_id: int, attachment_id: int) -> ResponseReturnValue:
    """Remove a file of a note of one's own side. The note then shows by whom and when."""
    reason = request.form.get("reason", "")
    removed = attachments.delete_note_attachment(actor, conversation_id, attachment_id, reason)
    if not is_htmx():
        return see_other(f"{policy_of(actor).thread(conversation_id)}#own-note-{removed.note_id}")
    answer = rendered("messages/_removed_of_note.html", file=removed)
    return with_events(answer, toast=toast(_("File removed.")))


def serve(key: str, mime: str, size: int, name: str, *, inline: bool, etag: str) -> Response:
    """Send bytes from storage with safe headers, respecting the request's method and Range.

    The caller has checked access. If a front-end web server is configured to send files, it does so.
    """
    response = make_response(b"")
    headers = response.headers
    headers["Content-Type"] = mime
    headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Cache-Control"] = "private, no-store"
    headers["Accept-Ranges"] = "bytes"
    headers["Vary"] = "Cookie"
    response.set_etag(etag)
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().replace('"', "") or "file"
    extended = {} if ascii_name == name else {"filename*": f"UTF-8''{_percent(name)}"}
    headers.set("Content-Disposition", "inline" if inline else "attachment", filename=ascii_name, **extended)
    prefix = current_app.extensions["settings"].accel_prefix
    if prefix and attachments.storage().path(key) is not None:
        headers["X-Accel-Redirect"] = prefix + key
        return response
    return _send(response, key, size, etag)


def _send(response: Response, key: str, size: int, etag: str) -> Response:
    wanted = request.range if request.method == "GET" and _range_holds(etag) else None
    start, end = 0, size
    if wanted is not None and wanted.units == "bytes" and len(wanted.ranges) == 1:
        window = wanted.range_for_length(size)
        if window is None:
            response.status_code = 416
            response.headers["Content-Range"] = f"bytes */{size}"
            return response
        start, end = window
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    try:
        bytes_ = attachments.storage().open(key, start, end)
    except FileMissing as error:
        raise NotFound from error
    except StorageUnavailable as error:
        raise Unavailable from error
    if request.method == "HEAD":
        bytes_.close()
    else:
        response.response = bytes_
        response.call_on_close(bytes_.close)
    response.content_length = end - start
    return response


def _range_holds(etag: str) -> bool:
    """Whether the file is still the one the client has started to download (If-Range)."""
    condition = request.if_range
    return condition is None or (condition.etag is None and condition.date is None) or condition.etag == etag


def _percent(name: str) -> str:
    return quote(name.encode("utf-8"), safe="")
