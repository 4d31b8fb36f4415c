"""Times and numbers in the reader's locale and time zone, exact on hover."""

from __future__ import annotations

from flask import Flask

from messaging_app.files import EXTENSIONS
from messaging_app.formats import reader, times
from messaging_app.formats.numbers import file_size, number
from messaging_app.text import initials, with_line_breaks
from messaging_app.text.hits import hits
from messaging_app.text.markup import bdi, linkify, scripted, with_marks


def init_app(app: Flask) -> None:
    """Register the template filters, and the globals `language` and `scripted`."""
    moments = (
        times.clock,
        times.short_when,
        times.exact,
        times.day,
        times.iso,
        times.waited,
        times.ahead,
        times.is_late,
    )
    app.jinja_env.filters.update({filter_.__name__: filter_ for filter_ in moments})
    app.jinja_env.filters.update(date=times.local_date, number=number, file_size=file_size, initials=initials)
    app.jinja_env.filters.update(lines=with_line_breaks, linkify=linkify, bdi=bdi, marked=with_marks)
    app.jinja_env.filters["hits"] = lambda text, q: with_marks(text, hits(text, q))
    app.jinja_env.globals["attachable"] = ",".join(f".{extension}" for extension in EXTENSIONS)
    app.jinja_env.globals.update(language=reader.language, scripted=scripted)
    # A page has about forty sentences and a hundred times; Flask-Babel's own look up the language for each.
    app.jinja_env.install_gettext_callables(reader.translated, reader.translated_many, newstyle=True)  # type: ignore[attr-defined]
    app.teardown_request(reader.forget)
