"""Pieces of pages that repeat: words, icons, messages, rows, forms. Each is a pure function, remembered by its arguments.

A page of fifty messages holds hundreds of such pieces; looking them up costs a tenth of making them. What is remembered
cannot be old or somebody else's: the key is everything that the piece depends on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from functools import cache, lru_cache
from typing import Any, cast

import flask_babel
from flask import Flask
from jinja2 import Environment
from markupsafe import Markup

from messaging_app.extensions import babel
from messaging_app.folding import fold
from messaging_app.formats import reader, today

ROW = (
    *("id", "link", "fetched", "selected", "status", "unread_count", "subject", "preview", "mine", "writer"),
    *("counterpart_type", "counterpart_id", "counterpart_name", "last_message_at"),
)

MESSAGE = ("seq", "sender_id", "sender_name", "content", "created_at", "mine", "follow", "role_label")
MARKS = 9  # wordings of a read mark


def init_app(app: Flask) -> None:
    """Give templates `_`, `gettext`, `ngettext`, `icon`, the filter `initials`, and the methods of `Pieces`."""
    environment = app.jinja_env
    asset = cast(Callable[[str], str], environment.globals["asset"])
    # Ours, not Flask-Babel's: a page asks a hundred times, and each of those looks for its translations anew.
    environment.install_gettext_callables(gettext=translate, ngettext=translate_number, newstyle=False)  # type: ignore[attr-defined]

    @lru_cache(maxsize=256)
    def icon(name: str, extra: str = "") -> Markup:
        """An icon of the sprite, hidden from people who listen; `extra` is a further class."""
        mark = Markup('<svg class="icon{}" aria-hidden="true"><use href="{}#{}"></use></svg>')
        return mark.format(f" {extra}" if extra else "", asset("icons.svg"), name)

    pieces = app.extensions["pieces"] = Pieces(environment)
    environment.filters["initials"] = initials
    environment.globals.update(_=translate, icon=icon, pieces=pieces)
    with app.app_context():
        speaks_english_only = len(babel.list_translations()) == 1
    fold(environment, "icon", "asset", *(("_",) if speaks_english_only else ()))


class Pieces:
    """What templates and views put into pages, each made by a template of its own that asks for nothing else."""

    def __init__(self, environment: Environment) -> None:
        def piece(template: str, *names: str, size: int = 8_192) -> Callable[..., Markup]:
            """`template` as a function of the reader's locale and zone, of the day, and of its own `names`.

            As a macro, which takes its values as they come: a template renders from a context that is made for it.
            """

            @cache  # made at first use: what templates may ask for is not yet all there now
            def macro() -> Callable[..., Markup]:
                words = f"{{% macro piece({', '.join(names)}) %}}{{% include '{template}' %}}{{% endmacro %}}"
                made: Callable[..., Markup] = environment.from_string(words).module.piece  # type: ignore[attr-defined]
                return made

            @lru_cache(maxsize=size)
            def make(_locale: str, _zone: str, _day: date | None, *values: Any) -> Markup:
                return macro()(*values)

            return make

        self._badge = piece("_badge.html", "unread", "messages")
        self._attach = piece("messages/_attach.html", "file_bytes", "files", "field", "labelled", size=256)
        self._list_head = piece("conversations/_list_head.html", "role", "filters", size=256)
        self._row = piece("conversations/_row.html", *ROW)
        self._facts = piece("conversations/_facts.html", "role", "conversation", "others")
        self._read_marks = piece("messages/_read_marks.html", "role", "read")
        self._message_start = piece("messages/_message_start.html", *MESSAGE)

    def badge(self, unread: int, messages: str) -> Markup:
        """The badge of somebody whose inbox is at `messages`."""
        return self._badge(*reader(), None, unread, messages)

    def attach(self, limits: Any, field: str, labelled: bool = False) -> Markup:
        """The way in for files of a form; `field` tells it from others on the page."""
        return self._attach(*reader(), None, limits.file_bytes, limits.files, field, labelled)

    def list_head(self, role: Any, filters: Any) -> Markup:
        """What stands above the rows of an inbox."""
        return self._list_head(*reader(), None, role, filters)

    def rows(self, inbox: Any, role: Any, actor: Any) -> Iterator[Markup]:
        """The rows of an inbox."""
        me = (actor.type, actor.id)
        base, query, fetched = f"{role.messages}/", inbox.filters.query(), role.name != "storefront"
        place = (*reader(), today())
        for x in inbox.rows:
            mine = (x.last_sender_type, x.last_sender_id) == me
            writer = "" if mine or x.last_sender_type == "customer" else x.last_sender_name
            seen = (x.id, f"{base}{x.id}{query}", fetched, x.id == inbox.selected_id, x.status, x.unread_count)
            said = (x.subject, x.last_message_preview, mine, writer)
            other = (x.counterpart_type, x.counterpart_id, x.counterpart_name, x.last_message_at)
            yield self._row(*place, *seen, *said, *other)

    def facts(self, thread: Any, role: Any) -> Markup:
        """What stands under a thread's subject: with whom, in which state, who has read how far."""
        return self._facts(*reader(), today(), role, thread.conversation, tuple(thread.others))

    def read_marks(self, thread: Any, role: Any) -> Markup:
        """How the mark under the reader's newest message reads, for as many of the others as it can name."""
        return self._read_marks(*reader(), today(), role, tuple(thread.read_by[:MARKS]))

    def lines(self, thread: Any) -> Iterator[tuple[list[Markup], Any, Markup | None]]:
        """The lines of a thread in turns: messages that need nothing but themselves, then the next line that has more
        about it (a new day, files, a mark), or None at the end, and its message. Messages are told up to their words.
        """
        locale, zone = reader()
        marked = (thread.first_unread_seq, thread.read_seq)
        begin = self._message_start
        run: list[Markup] = []
        for x in thread.lines:
            row, mine, follow, new_day, role_label, files = x
            seq = row.seq
            start = None
            if row.kind != "event":
                said = (seq, row.sender_id, row.sender_name, row.content, row.created_at)
                start = begin(locale, zone, None, *said, mine, follow, role_label)
            if start is None or new_day or files or seq in marked:
                yield run, x, start
                run = []
            else:
                run.append(start)
        if run:
            yield run, None, None


def translate(text: str, **values: Any) -> Markup:
    """`text` in the reader's language, with `values` escaped into it."""
    found = _translated(reader()[0], text)
    return found % values if values else found


def translate_number(one: str, many: str, num: int, **values: Any) -> Markup:
    """The same for a number of things; `%(num)s` is the number."""
    found = Markup(flask_babel.get_domain().get_translations().ungettext(one, many, num))  # noqa: S704 -- our own words
    return found % (values | {"num": num})


@lru_cache(maxsize=8_192)
def initials(name: str, of_one: int = 2) -> str:
    """Letters for an avatar: of the first and the last word; of a single word its first `of_one` letters."""
    words = name.split()
    return (words[0][0] + words[-1][0] if len(words) > 1 else name[:of_one]).upper()


@lru_cache(maxsize=8_192)
def _translated(_locale: str, text: str) -> Markup:
    return Markup(flask_babel.gettext(text))  # noqa: S704 -- our own words, from templates and catalogues
