"""One row of the corpus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from messaging_app.files.kinds import BY_STORED

ACCEPTED = "accepted"
LIMIT = 10 * 2**20  # bytes; the size that the rows of the corpus are made for


@dataclass(frozen=True)
class Row:
    """A file `name` whose bytes `make` makes; `verdict` is `accepted` or the code of its refusal.

    Of an accepted one `ext` is the stored extension. `sent_as` is the name it comes under, if that is another, and
    `shown_as` the name that it then has. `reason` chooses the sentence of a refusal, where that matters.
    """

    name: str
    make: Callable[[], bytes]
    verdict: str
    ext: str = ""
    how: str = ""
    sent_as: str | None = None
    shown_as: str | None = None
    reason: str | None = None

    @property
    def raw_name(self) -> str:
        return self.name if self.sent_as is None else self.sent_as

    @property
    def mime(self) -> str:
        return BY_STORED[self.ext].mime if self.verdict == ACCEPTED else ""
