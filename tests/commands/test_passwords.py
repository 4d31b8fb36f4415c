"""Passwords in a directory file: those that verify are left alone, the others are hashed and end sessions."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from messaging_app.accounts.passwords import hash_password, verify_password
from messaging_app.actors import ActorType
from messaging_app.extensions import db
from messaging_app.models import (
    Customer,
    User,
)
from tests import cast
from tests.commands.files import Import, alive, everything, number_of, person, problems, sign_in, statements, store

WRITES = ("BEGIN IMMEDIATE", "INSERT", "UPDATE", "DELETE")


def test_a_password_that_verifies_is_left_alone(bring_in: Import) -> None:
    people: dict[str, Any] = {
        "admins": [person("ada", password="one")],
        "stores": [store(customers=[person("cleo", external_id="C-1", password="two")])],
    }
    bring_in(**people)
    sessions = {
        sign_in(ActorType.ADMIN, number_of(User, "ada")),
        sign_in(ActorType.CUSTOMER, number_of(Customer, "cleo"), 1),
    }
    before = everything()
    bring_in(**people)
    assert everything() == before
    assert alive() == sessions


def test_a_changed_password_ends_the_sessions_of_that_person_only(bring_in: Import) -> None:
    hashes = [person("ada", password_hash=cast.cheap_hash()), person("abe", password_hash=cast.cheap_hash())]
    bring_in(
        admins=hashes,
        stores=[
            store(staff=[person("ada")], customers=[person("cleo", password="old"), person("omar", password="old")])
        ],
    )
    ada, cleo = number_of(User, "ada"), number_of(Customer, "cleo")
    for actor_type, number in ((ActorType.ADMIN, ada), (ActorType.STORE, ada), (ActorType.CUSTOMER, cleo)):
        sign_in(actor_type, number, 1)
    others = {
        sign_in(ActorType.ADMIN, number_of(User, "abe")),
        sign_in(ActorType.CUSTOMER, number_of(Customer, "omar"), 1),
    }
    bring_in(
        admins=[person("ada", password="new"), person("abe", password_hash=cast.cheap_hash())],
        stores=[store(customers=[person("cleo", password="new"), person("omar", password="old")])],
    )
    assert alive() == others
    for model, number in ((User, ada), (Customer, cleo)):
        assert verify_password("new", db.session.scalar(select(model.password_hash).where(model.id == number)))


def test_a_hash_is_taken_as_it_is(bring_in: Import) -> None:
    bring_in(stores=[store(staff=[person("sam", password_hash=cast.cheap_hash())], customers=[person("cleo")])])
    assert db.session.scalar(select(User.password_hash)) == cast.cheap_hash()
    assert db.session.scalar(select(Customer.password_hash)) is None


@pytest.mark.parametrize(
    ("password_hash", "sentence"),
    [
        ("$2b$12$KIXQ8J0Z9J0Z9J0Z9J0Z9u", "is not an argon2id hash"),
        ("$argon2i$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$aGFzaGFzaGFzaGFzaA", "is not an argon2id hash"),
        ("$argon2id$v=19$m=65536,t=3,p=4", "is not an argon2id hash"),
        ("$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$" + "a" * 300, "is not an argon2id hash"),
        ("$argon2id$v=19$m=4194304,t=3,p=4$c29tZXNhbHQ$aGFzaGFzaGFzaGFzaA", "costs more than m=262144,t=20"),
        ("$argon2id$v=19$m=65536,t=500,p=4$c29tZXNhbHQ$aGFzaGFzaGFzaGFzaA", "costs more than m=262144,t=20"),
    ],
)
def test_a_hash_that_cannot_be_used_is_refused(bring_in_on_sqlite: Import, password_hash: str, sentence: str) -> None:
    people = [person("ada", password_hash=password_hash)]
    assert f"admins[0].password_hash: {sentence}" in problems(lambda: bring_in_on_sqlite(admins=people))


def test_no_password_is_hashed_within_the_transaction(
    bring_in_on_sqlite: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    written_before: list[int] = []

    def hash_and_note(password: str) -> str:
        written_before.append(sum(statement.startswith(WRITES) for statement in made))
        return hash_password(password)

    monkeypatch.setattr("messaging_app.directory.hashing.hash_password", hash_and_note)
    with statements() as made:
        bring_in_on_sqlite(admins=[person("ada", password="one"), person("abe", password="two")])
    assert written_before == [0, 0]
    assert any(statement.startswith(WRITES) for statement in made)
