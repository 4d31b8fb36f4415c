"""Confirmations of destructive actions: a dialog, or a page without JavaScript, that lists what ends and what stays."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask import Response
from flask_babel import gettext as _
from flask_babel import ngettext

from messaging_app.web.htmx import page_or_fragment

Effect = tuple[str, str]  # an icon and a sentence


@dataclass(frozen=True, slots=True)
class Question:
    """A confirmation. Yes is a POST to `address`; no leads to `back`, whose name is `place`."""

    text: str  # may be markup: see `with_name`
    address: str
    back: str
    place: str
    keep: str
    act: str
    ends: list[Effect] = field(default_factory=list)
    keeps: list[Effect] = field(default_factory=list)


def ask(question: Question) -> Response:
    """Render the question, as a dialog for htmx, else as a page."""
    return page_or_fragment("console/ask.html", "console/_ask.html", question=question)


def stops_tokens(count: int) -> list[Effect]:
    """Return the effect on API tokens; empty if there are none."""
    stops = ngettext("Stops %(num)s API token, for good.", "Stops %(num)s API tokens, for good.", count)
    return [("plug", stops)] if count else []


def can_be_undone(sentence: str = "") -> Effect:
    """Return the effect that says that the action can be undone."""
    return "rotate-clockwise", sentence or _("Can be undone.")
