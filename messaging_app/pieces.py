"""Pieces of pages that repeat: words, icons, initials, messages. Each is a pure function, remembered by all it is made of.

A page of fifty messages holds hundreds of such pieces; looking them up costs a tenth of making them. What is remembered
cannot be old or somebody else's: the key is everything that the piece depends on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

import flask_babel
from flask import Flask
from markupsafe import Markup

from messaging_app.formats import reader


def init_app(app: Flask) -> None:
    """Give templates `_`, `gettext`, `ngettext`, `icon`, `initials` and `with_starts`."""
    environment = app.jinja_env
    asset = cast(Callable[[str], str], environment.globals["asset"])
    # Ours, not Flask-Babel's: a page asks a hundred times, and each of those looks for its translations anew.
    environment.install_gettext_callables(gettext=translate, ngettext=translate_number, newstyle=False)  # type: ignore[attr-defined]
    environment.globals.update(_=translate, initials=initials)

    @lru_cache(maxsize=256)
    def icon(name: str, extra: str = "") -> Markup:
        """An icon of the sprite, hidden from people who listen; `extra` is a further class."""
        mark = Markup('<svg class="icon{}" aria-hidden="true"><use href="{}#{}"></use></svg>')
        return mark.format(f" {extra}" if extra else "", asset("icons.svg"), name)

    @lru_cache(maxsize=8_192)
    def start(_locale: str, _zone: str, *message: Any) -> Markup:
        text = environment.get_template("messages/_message_start.html").render(_named(*message))
        return Markup(text)  # noqa: S704 -- a template's own output

    def with_starts(lines: Iterable[Any]) -> Iterator[tuple[Any, Markup | None]]:
        """Each line with its message up to its words, without its files, its foot and its end; None for events."""
        locale, zone = reader()
        for line in lines:
            yield (
                line,
                None
                if line.kind == "event"
                else start(
                    locale,
                    zone,
                    line.seq,
                    line.sender_id,
                    line.sender_name,
                    line.content,
                    line.created_at,
                    line.mine,
                    line.follow,
                    line.role_label,
                ),
            )

    environment.globals.update(icon=icon, with_starts=with_starts)


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


def _named(
    seq: int,
    sender_id: int,
    sender_name: str,
    content: str,
    created_at: datetime,
    mine: bool,
    follow: bool,
    role_label: str,
) -> dict[str, Any]:
    return locals()
