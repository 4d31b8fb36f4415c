"""Directory files for tests: written, imported, and what the database holds before and after."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from messaging_app import directory
from messaging_app.actors import ActorType
from messaging_app.db.engine import writing
from messaging_app.db.types import Base
from messaging_app.extensions import db
from messaging_app.models import SignInSession
from tests.conftest import executed

Import = Callable[..., directory.Changes]


def importer(tmp_path: Path) -> Import:
    def bring(admins: Any = (), stores: Any = (), **more: Any) -> directory.Changes:
        path = tmp_path / "directory.json"
        path.write_text(json.dumps({"admins": list(admins), "stores": list(stores), **more}))
        return directory.import_file(path)

    return bring


def person(nick: str, /, **more: Any) -> dict[str, Any]:
    return {"email": f"{nick}@mail.example", "name": nick.title(), **more}


def store(code: str = "bakery", staff: Any = (), customers: Any = (), **more: Any) -> dict[str, Any]:
    return {"code": code, "name": code.title(), "staff": list(staff), "customers": list(customers), **more}


def everything() -> dict[str, list[Any]]:
    """Every row of every table."""
    tables = {table.name: table for table in Base.metadata.sorted_tables}
    rows = {name: sorted(map(repr, db.session.execute(select(table)))) for name, table in tables.items()}
    db.session.rollback()
    return rows


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements made within the block."""
    said: list[str] = []
    with executed() as made:
        yield said
    said += [statement for statement, _parameters in made]


def problems(bring: Callable[[], Any]) -> str:
    """What an import is refused for; checks that it changed nothing."""
    before = everything()
    with pytest.raises(directory.DirectoryError) as refused:
        bring()
    assert everything() == before
    return "\n".join(refused.value.problems)


def sign_in(actor_type: ActorType, person_id: int, store_id: int | None = None) -> int:
    """A session of somebody; answers its number."""
    with writing(db.session) as session:
        row = SignInSession(
            token_hash=f"{actor_type}{person_id}/{store_id}", actor_type=actor_type, person_id=person_id
        )
        row.store_id = store_id
        session.add(row)
        session.flush()
        return row.id


def alive() -> set[int]:
    numbers = set(db.session.scalars(select(SignInSession.id).where(SignInSession.ended_at.is_(None))))
    db.session.rollback()
    return numbers


def number_of(model: Any, name: str) -> int:
    found = db.session.execute(select(model.id).where(model.email_key == f"{name}@mail.example")).scalar_one()
    db.session.rollback()
    return int(found)
