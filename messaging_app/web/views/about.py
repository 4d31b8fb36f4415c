"""The context card of a conversation: as of its beginning, with the changes since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from flask import Flask
from flask_babel import gettext as _

from messaging_app.models.context import Fact, Snapshot

ICONS = {"order": "package", "return": "package", "payout": "receipt", "product": "shopping-bag"}


def init_app(app: Flask) -> None:
    """Register the filters `kind_name` and `kind_icon`, for pages and mail."""
    app.add_template_filter(kind_name)
    app.add_template_filter(kind_icon)


def kind_name(kind: str) -> str:
    """Return a kind as shown to users: a translated word for the default kinds, others as configured."""
    known = {
        "order": _("Order"),
        "return": _("Return"),
        "product": _("Product"),
        "payout": _("Payout"),
        "other": _("Other"),
    }
    return known.get(kind) or kind.replace("_", " ").capitalize()


def kind_icon(kind: str) -> str:
    """Return the name of a kind's icon."""
    return ICONS.get(kind, "file-text")


class Head(Protocol):
    """The columns of a thread's head that this needs; `context_…` are as they are now."""

    @property
    def context(self) -> Snapshot | None: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def context_title(self) -> str | None: ...
    @property
    def context_url(self) -> str | None: ...
    @property
    def context_state(self) -> str | None: ...
    @property
    def context_facts(self) -> list[Fact] | None: ...
    @property
    def context_version(self) -> int | None: ...


class Difference(NamedTuple):
    """A line of the card with its old and new value; None if there was or is none."""

    label: str
    before: str | None
    now: str | None

    @property
    def changed(self) -> bool:
        """Whether the value has changed."""
        return self.before != self.now


@dataclass(frozen=True, slots=True)
class About:
    """The data for the card beside a thread."""

    kind: str
    reference: str
    title: Difference
    state: Difference
    url: str | None
    facts: list[Difference]
    began: datetime
    was_known: bool  # whether the shop had stated anything when the conversation began

    @property
    def icon(self) -> str:
        """The icon of the kind."""
        return kind_icon(self.kind)

    @property
    def changes(self) -> int:
        """The number of lines that have changed."""
        return sum(line.changed for line in (self.title, self.state, *self.facts)) if self.was_known else 0


def about(head: Head) -> About | None:
    """Return the card of a conversation, comparing its beginning with the current context; None without a context."""
    then = head.context
    if then is None:
        return None
    is_later = head.context_version is not None and head.context_version > then["version"]
    title, state, url, facts = (
        (head.context_title, head.context_state, head.context_url, head.context_facts or [])
        if is_later
        else (then["title"], then["state"], then["url"], then["facts"])
    )
    was = {fact["label"]: fact["value"] for fact in then["facts"]}
    now = {fact["label"]: fact["value"] for fact in facts}
    return About(
        kind=then["kind"],
        reference=then["reference"],
        title=Difference(_("Title"), then["title"], title),
        state=Difference(_("State"), then["state"], state),
        url=url,
        facts=[Difference(label, was.get(label), now.get(label)) for label in dict.fromkeys([*now, *was])],
        began=head.created_at,
        was_known=then["version"] > 0,
    )
