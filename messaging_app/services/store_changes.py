"""Creating and changing stores: admins any, owners their own. Concurrent edits never overwrite each other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from messaging_app.actors import Actor
from messaging_app.db.engine import writing
from messaging_app.directory import logos, terms
from messaging_app.directory.values import CODE
from messaging_app.errors import FieldError, Invalid, Refusal, Unavailable
from messaging_app.extensions import db
from messaging_app.files import FileRefused, temporary_copy
from messaging_app.models import AuditEntry, Store
from messaging_app.models.platform import ACCENTS, ALWAYS, MAY_START
from messaging_app.services import audit
from messaging_app.services.console import require_right
from messaging_app.services.stores import about, get_store, lock_store
from messaging_app.services.uploads import Upload, scan_file
from messaging_app.storage import StorageUnavailable
from messaging_app.text import SUBJECT_MAX, TextRefused, clean_subject

OPENING_MAX, HOURS_MAX = 500, 200
# The columns that an edit can change.
FIELDS = ("name", "accent", "logo", "opening_line", "hours", "staff_see_only_assigned", "customers_may_start")
_BAD_CODE = _("A code has 1 to 64 letters, digits and . _ - and begins with a letter or digit.")
_NAME_REFUSED = {
    "required": _("Enter a name."),
    "too_long": _("A name has at most %(max)s characters.", max=SUBJECT_MAX),
    "invalid_characters": _("A name is one line without control characters."),
}
_LINES = {"opening_line": OPENING_MAX, "hours": HOURS_MAX}
_LINE_REFUSED = {
    "opening_line": {
        "too_long": _("The opening line has at most %(max)s characters.", max=OPENING_MAX),
        "invalid_characters": _("The opening line is one line without control characters."),
    },
    "hours": {
        "too_long": _("The opening hours have at most %(max)s characters.", max=HOURS_MAX),
        "invalid_characters": _("The opening hours are one line without control characters."),
    },
}
_LOGO_REFUSED = _("A logo must be an intact PNG, JPEG or WebP image of at most 256 kB.")


@dataclass(frozen=True, slots=True)
class Entered:
    """A store as entered in a form. `accent` is "" for indigo. Without a `logo` the current one stays unless dropped."""

    name: str
    accent: str = ""
    opening_line: str = ""
    hours: str = ""
    staff_see_only_assigned: bool = False
    customers_may_start: str = ALWAYS
    logo: Upload | None = None
    drop_logo: bool = False


class EditedMeanwhile(Refusal):
    """Somebody else changed the store since the form was opened: `store` is the current version, changed `by`, `at`."""

    status = 409
    code = "edited_meanwhile"
    sentence = _("Someone else changed this in the meantime. Your changes are kept but not saved yet.")

    def __init__(self, store: Store, by: str, at: datetime | None) -> None:
        super().__init__()
        self.store, self.by, self.at = store, by, at


def version_of(store: Store) -> str:
    """Return a text that changes with every edit, for forms to detect concurrent changes."""
    values = "\0".join(str(getattr(store, name) or "") for name in FIELDS)
    return hashlib.sha256(values.encode()).hexdigest()[:16]


def create_store(actor: Actor, code: str, entered: Entered, *, active: bool = True) -> int:
    """Create a store and return its id. Raises `Invalid` naming each field."""
    require_right(actor, "stores")
    code = code.strip()
    errors = [] if CODE.fullmatch(code) else [FieldError("code", "invalid", _BAD_CODE)]
    values, content = _checked(entered, errors)
    try:
        with _keeping(code, values["logo"], content), writing(db.session) as session:
            taken = select(Store.id).where(func.lower(Store.code) == code.lower())
            if session.scalar(taken) is not None:
                raise Invalid(_code_taken())
            store = Store(code=code, active=active, sort_name=terms.sort_name(str(values["name"])), **values)
            session.add(store)
            session.flush()
            number = store.id
            words = {number: (number, terms.words_of_store(store.name, code))}
            terms.add_words(session.connection(), "store", words)
            audit.record(session, actor, "store.created", about(store), after=_facts(store) | {"active": active})
    except IntegrityError:  # two requests in parallel
        raise Invalid(_code_taken()) from None
    return number


def change_store(actor: Actor, store_id: int, version: str, entered: Entered) -> None:
    """Change a store's name, appearance and texts. Admins can change any store, owners their own.

    Raises `Invalid` as `create_store` does, and `EditedMeanwhile` if `version` is not the current one.
    """
    require_right(actor, "staff", store_id)
    errors: list[FieldError] = []
    values, content = _checked(entered, errors)
    code = get_store(actor, store_id).code
    with _keeping(code, values["logo"], content), writing(db.session) as session:
        store = lock_store(session, store_id)
        if version != version_of(store):
            by, at = _last_change(session, store)
            session.expunge(store)
            raise EditedMeanwhile(store, by, at)
        if content is None and not entered.drop_logo:
            values["logo"] = store.logo
        before, former = _facts(store), store.logo
        for name, value in values.items():
            setattr(store, name, value)
        if store.name != before["name"]:
            store.sort_name = terms.sort_name(store.name)
            words = {store.id: (store.id, terms.words_of_store(store.name, code))}
            terms.change_words(session.connection(), "store", words)
        session.flush()
        was, became = audit.changed(before, _facts(store))
        if became:
            audit.record(session, actor, "store.changed", about(store), was, became)
        forgotten = former if former != store.logo else None
    if forgotten:
        logos.forget(logos.key_of(code, forgotten))


def _code_taken() -> FieldError:
    return FieldError("code", "taken", _("Another store has this code."))


def _checked(entered: Entered, errors: list[FieldError]) -> tuple[dict[str, Any], bytes | None]:
    """Return the new column values and the bytes of a new logo. Raises `Invalid` with its own errors and `errors`."""
    values: dict[str, object] = {"name": "", "accent": entered.accent or None, "logo": None}
    values["staff_see_only_assigned"] = entered.staff_see_only_assigned
    values["customers_may_start"] = entered.customers_may_start
    try:
        values["name"] = clean_subject(entered.name)  # one line of 1-200 characters, like a subject
    except TextRefused as refused:
        errors.append(FieldError("name", refused.code, _NAME_REFUSED[refused.code]))
    if entered.accent and entered.accent not in ACCENTS:
        errors.append(FieldError("accent", "invalid", _("Choose one of the colours.")))
    if entered.customers_may_start not in MAY_START:
        errors.append(FieldError("customers_may_start", "invalid", _("Choose one of these.")))
    for field, most in _LINES.items():
        try:
            values[field] = clean_subject(getattr(entered, field), most)
        except TextRefused as refused:
            values[field] = ""
            if refused.code != "required":
                errors.append(FieldError(field, refused.code, _LINE_REFUSED[field][refused.code]))
    content = None
    if entered.logo is not None:
        try:
            content, values["logo"] = _picture(entered.logo)
        except ValueError:
            errors.append(FieldError("logo", "invalid", _LOGO_REFUSED))
        except FileRefused as refused:
            errors.append(FieldError("logo", refused.code, refused.sentence(gettext)))
    if errors:
        raise Invalid(*errors)
    return values, content


def _picture(upload: Upload) -> tuple[bytes, str]:
    """Return the bytes of a logo and its value for `Store.logo`. Raises `ValueError`, or `FileRefused` by the scanner."""
    db.session.rollback()  # hold no connection while the image is checked
    content = upload.stream.read(logos.LOGO_MAX + 1)
    name = logos.name_of(content, logos.check(content))
    with temporary_copy() as (path, copy):
        copy.write(content)
        copy.flush()
        scan_file(path, upload.filename or "logo")
    return content, name


@contextmanager
def _keeping(code: str, logo: str | None, content: bytes | None) -> Iterator[None]:
    """Store a new logo before the block runs. Raises `Unavailable` if the storage fails."""
    pictures = [logos.Logo(logos.key_of(code, logo), content)] if logo and content else []
    try:
        with logos.kept(pictures):
            yield
    except StorageUnavailable:
        raise Unavailable from None


def _facts(store: Store) -> dict[str, audit.Value]:
    return {name: getattr(store, name) for name in FIELDS}


def _last_change(session: Session, store: Store) -> tuple[str, datetime | None]:
    """Return who changed a store last, and when, from the audit trail."""
    query = select(AuditEntry.actor_name, AuditEntry.at).where(
        AuditEntry.object_type == "store", AuditEntry.object_id == store.code, AuditEntry.action == "store.changed"
    )
    found = session.execute(query.order_by(AuditEntry.id.desc()).limit(1)).one_or_none()
    return (found.actor_name, found.at) if found else ("", None)
