"""A stream is worth what its session is worth, also where another process ended that and no Redis tells of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from messaging_app import create_app, directory
from messaging_app.actors import ActorType
from messaging_app.db.engine import now, writing
from messaging_app.extensions import db
from messaging_app.models import SignInSession
from tests import cast
from tests.commands.files import person, store
from tests.conftest import SECRET
from tests.live.conftest import IN_BOTH_AT_LENGTH
from tests.live.installation import Installation
from tests.services import wait_for

pytestmark = pytest.mark.slow

Install = Callable[..., Installation]
LATEST = 20  # seconds in which a stream ends that lost its right


@pytest.mark.long
@pytest.mark.parametrize("install", IN_BOTH_AT_LENGTH, indirect=True)
def test_streams_end_with_their_right_and_are_not_told_who_is_writing(install: Install) -> None:
    here = install()
    names = ("sam", "cleo", "nadia", "omar", "abe", "tomas", "jun", "lea", "ada")
    people = {name: here.signed_in(name) for name in names}
    sam, cleo = people["sam"], people["cleo"]
    number = sam.begin(here.cast.cleo, "Hello")
    streams = {name: people[name].stream() for name in names}
    _take_rights(here)
    lost = time.monotonic()
    assert cleo.post(f"{cleo.base}/{number}/typing")[0] == 204
    assert sam.send(number, "It leaves tomorrow.") == 303
    streams["sam"].wait(lambda wake: wake.get("name") == "Cleo")
    streams["cleo"].wait(lambda wake: wake.get("seq") == 2)
    for name in set(names) - {"sam", "cleo"}:
        wait_for(streams[name].ended.is_set, lost + LATEST - time.monotonic(), what=f"the end of {name}'s stream")
        assert streams[name].events[-1][2] == "ended"
        assert not any(wake["kind"] == "typing" for wake in streams[name].wakes()), name
    assert not streams["sam"].ended.is_set() and not streams["cleo"].ended.is_set()
    for name in set(names) - {"sam", "cleo", "lea", "ada"}:
        assert people[name].stream().status == 401, name


def _take_rights(here: Installation) -> None:
    """End or move every session but Sam's and Cleo's, each in its own way, from a process without Redis."""
    path = here.folder / "directory.json"
    staff, customers = [person("nadia", active=False)], [person("omar", active=False)]
    stores = [store(staff=staff, customers=customers), store("cycles", active=False)]
    admins = [person("abe", password_hash=cast.CHEAP.hash("another password"))]
    path.write_text(json.dumps({"admins": admins, "stores": stores}))
    row, url = SignInSession, here.environment["MESSAGING_DATABASE_URL"]
    elsewhere = create_app(database_url=url, secret_key=SECRET, instance=str(here.folder / "instance"))
    with elsewhere.app_context():
        directory.import_file(path)
        with writing(db.session) as session:
            mine = row.person_id == here.cast.lea.id
            session.execute(update(row).where(mine).values(store_id=here.cast.cycles))  # she went on in another store
            mine = (row.actor_type == ActorType.ADMIN) & (row.person_id == here.cast.ada.id)
            session.execute(update(row).where(mine).values(last_used_at=now() - timedelta(days=2)))  # idle too long
        db.engine.dispose()
