"""One response per kind of error: a page or a fragment that says what to do, never internal details."""

from __future__ import annotations

import errno

from flask import Flask, Response, current_app, make_response, redirect, render_template, request
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from markupsafe import escape
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from messaging_app.accounts.limits import RateLimited
from messaging_app.api import problems
from messaging_app.errors import NotFound, Refusal, Unavailable
from messaging_app.extensions import db
from messaging_app.web import bodies
from messaging_app.web.htmx import is_htmx, toast, with_events

PASSING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EMFILE, errno.ENFILE)


def init_app(app: Flask) -> None:
    """Register the error handlers with `app`: pages for users, problems for programs."""
    app.register_error_handler(Refusal, refused)
    app.register_error_handler(HTTPException, http_error)
    for gone in (OperationalError, InterfaceError, PoolTimeout):
        app.register_error_handler(gone, unavailable)
    app.register_error_handler(OSError, of_system)
    app.register_error_handler(Exception, crashed)


def refused(error: Refusal) -> Response:
    """Handle a refusal that no view has handled itself."""
    if problems.is_for_program():
        response = problems.refused(error)
    else:
        sentence = error.explained()
        response = _page(error.status, sentence)
        if is_htmx() and error.status in (409, 422):  # nothing on the page has a place for it
            response = with_events(response, toast=toast(sentence, "danger"))
    if isinstance(error, RateLimited | Unavailable):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def http_error(error: HTTPException) -> Response:
    """Handle an error of Flask or Werkzeug with our own text."""
    if problems.is_for_program():
        response = problems.http_error(error)
    elif error.response is not None:
        return error.response  # type: ignore[return-value]
    else:
        response = _page(error.code or 500, _words_of(error))
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def unavailable(error: Exception) -> Response:
    """Handle a locked, unreachable, full or busy database or disk: the whole request failed and can be retried."""
    _log("unavailable", error)
    db.session.rollback()
    return refused(Unavailable())


def of_system(error: OSError) -> Response:
    """Handle a full disk or too many open files, which are temporary. Every other `OSError` is a bug."""
    return (unavailable if error.errno in PASSING else crashed)(error)


def crashed(error: Exception) -> Response:
    """Handle a bug: log its trace, show none."""
    _log("unexpected error", error)
    if problems.is_for_program():
        return problems.answer("internal_error")
    return _page(500, _("Something went wrong on our side. Your text is not lost; please try again."))


def _words_of(error: HTTPException) -> str:
    if isinstance(error, CSRFError):
        return str(_("This page has expired, or the request came from another site. Reload it and try again."))
    words = {
        404: str(NotFound.sentence),
        405: _("This address does not accept that kind of request."),
        408: _("This took too long to arrive. Please send it again."),
        413: _("That is too large to send."),
        429: str(RateLimited.sentence),
    }
    return str(words.get(error.code or 500, _("This request could not be read.")))


def signed_out(sign_in_at: str) -> Response:
    """Respond to a form sent after the session ended: show what was typed with a link to sign in, or redirect there."""
    detail = _("This was not sent. Copy what you wrote, sign in, and send it again.")
    typed = _typed()
    if not typed:
        return redirect(sign_in_at)  # type: ignore[return-value] # werkzeug's Response, Flask's at run time
    return _page(401, detail, sign_in_at, typed)


def _log(event: str, error: Exception) -> None:
    current_app.logger.error("%s: %s", event, type(error).__name__, exc_info=error)


def _typed() -> str:
    """Return what the user wrote before any file in the form. An unread body can be read only once."""
    if request.method != "POST":
        return ""
    names = ("subject", "content")
    try:
        if request.mimetype == "multipart/form-data" and bodies.is_untouched():
            words = bodies.first_words(*names)
        else:
            words = [request.form.get(name, "") for name in names]
        return "\n\n".join(filter(None, words))
    except (OSError, HTTPException):  # the form itself is the fault
        return ""


def _page(status: int, detail: str, sign_in_at: str = "", typed: str | None = None) -> Response:
    if typed is None:
        typed = _typed()
    title = {
        401: _("You were signed out"),
        403: _("Not allowed"),
        404: _("Not found"),
        429: _("Too many requests"),
        503: _("One moment, please"),
    }.get(status, _("That didn't work"))
    try:
        body = render_template("errors/error.html", title=title, detail=detail, typed=typed, sign_in_at=sign_in_at)
    except Exception as error:
        _log("error page failed", error)
        kept = f'<textarea readonly rows="12" cols="60">{escape(typed)}</textarea>' if typed else ""
        body = f"<!doctype html><title>{status}</title><p>{escape(detail)}</p>{kept}"
    return make_response(body, status)
