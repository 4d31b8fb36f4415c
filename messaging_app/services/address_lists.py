"""E-mail addresses as people type or paste them: one in a line, or parted by commas."""

from __future__ import annotations

import re

from flask_babel import lazy_gettext as _

from messaging_app.errors import FieldError, Invalid
from messaging_app.services import people
from messaging_app.text import ascii_domain, email_key
from messaging_app.text.domains import looks_like_another

MOST_AT_ONCE = 50
_ENTRY = re.compile(r'(?:"[^"\n]*"|[^,;\n])+')
_NAMED = re.compile(r"[^<>]*<([^<>]*)>\s*")


def read_addresses(raw: str) -> list[str]:
    """The addresses in a text, one in a line or parted by commas, each once. `Noor <noor@x.example>` is `noor@x.example`.

    Raises `Invalid` on field `emails`, with a sentence for each address that is none.
    """
    entries = [entry for entry in (found.strip() for found in _ENTRY.findall(raw)) if entry]
    if not entries:
        raise Invalid(FieldError("emails", "required", _("Enter at least one e-mail address.")))
    if len(entries) > MOST_AT_ONCE:
        sentence = _(
            "You can invite up to %(max)s people at once. These are %(count)s.", max=MOST_AT_ONCE, count=len(entries)
        )
        raise Invalid(FieldError("emails", "too_many", sentence))
    found: dict[str, str] = {}
    errors = []
    for entry in entries:
        named = _NAMED.fullmatch(entry)
        try:
            email = people.checked_email(named[1] if named and "@" not in entry[: named.start(1)] else entry)
        except Invalid:
            shown = entry if len(entry) <= 80 else f"{entry[:79]}…"
            errors.append(FieldError("emails", "invalid", _("“%(entry)s” is not an e-mail address.", entry=shown)))
            continue
        local, _at, domain = email.rpartition("@")
        if looks_like_another(domain):
            plain = f"{local}@{ascii_domain(domain)}"
            sentence = _(
                "The domain of “%(entry)s” looks like another one. If it is right, enter it as %(plain)s.",
                entry=email,
                plain=plain,
            )
            errors.append(FieldError("emails", "lookalike", sentence))
        found.setdefault(email_key(email), email)
    if errors:
        raise Invalid(*errors)
    return list(found.values())
