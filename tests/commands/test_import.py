"""Directory import: what it writes, what it leaves alone, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from messaging_app import directory, doctor
from messaging_app.accounts.passwords import verify_password
from messaging_app.accounts.sign_in import authenticate
from messaging_app.actors import Actor, ActorType
from messaging_app.extensions import db
from messaging_app.models import (
    Customer,
    RecipientTerm,
    Store,
    StoreMembership,
    User,
)
from messaging_app.services.recipients import list_recipients
from tests.commands.files import Import, everything, number_of, person, problems, statements, store


def test_people_of_the_contract_come_in(bring_in: Import) -> None:
    bring_in(
        admins=[{"email": "ada@platform.example", "name": "Ada", "password": "one"}],
        stores=[
            {
                "code": "bakery",
                "name": "Bakery",
                "accent": "clay",
                "staff": [{"email": "sam@bakery.example", "name": "Sam", "role": "owner", "password": "two"}],
                "customers": [{"email": "cleo@mail.example", "name": "Cleo", "external_id": "C-1", "password": "x"}],
            }
        ],
    )
    bakery = db.session.execute(select(Store)).scalar_one()
    assert (bakery.code, bakery.name, bakery.accent, bakery.logo, bakery.active) == (
        "bakery", "Bakery", "clay", None, True,
    )  # fmt: skip
    users = {user.email: user for user in db.session.scalars(select(User))}
    assert [(email, users[email].is_admin) for email in sorted(users)] == [
        ("ada@platform.example", True),
        ("sam@bakery.example", False),
    ]
    assert verify_password("two", users["sam@bakery.example"].password_hash)
    member = db.session.execute(select(StoreMembership)).scalar_one()
    assert (member.store_id, member.user_id, member.role) == (bakery.id, users["sam@bakery.example"].id, "owner")
    cleo = db.session.execute(select(Customer)).scalar_one()
    assert (cleo.email, cleo.external_id, cleo.store_id) == ("cleo@mail.example", "C-1", bakery.id)
    assert not doctor.examine().broken


def test_a_second_import_changes_nothing(bring_in: Import) -> None:
    people: dict[str, Any] = {
        "admins": [person("ada", password="secret")],
        "stores": [store(staff=[person("sam", role="owner")], customers=[person("cleo", external_id="C-1")])],
    }
    bring_in(**people)
    before = everything()
    changes = bring_in(**people)
    assert everything() == before
    assert {verb for _, verb in changes.counts} == {"unchanged"}


def test_absent_fields_and_entries_stay_as_they_are(bring_in: Import) -> None:
    bring_in(
        admins=[person("ada")],
        stores=[
            store(accent="sea", staff=[person("sam", role="owner")], customers=[person("cleo", external_id="C-1")])
        ],
    )
    before = everything()
    bring_in(stores=[{"code": "bakery", "staff": [{"email": "sam@mail.example"}]}])
    bring_in(stores=[{"code": "bakery", "customers": [{"email": "cleo@mail.example"}]}])
    bring_in()
    assert everything() == before
    bring_in(stores=[{"code": "bakery", "accent": None}])
    assert db.session.scalar(select(Store.accent)) is None


def test_one_person_may_be_staff_of_several_stores_and_admin(bring_in: Import) -> None:
    bring_in(
        admins=[person("lea", password="secret")],
        stores=[
            store("bakery", staff=[{"email": "LEA@Mail.example", "name": "Lea", "password": "secret"}]),
            store("cycles", staff=[person("lea", role="mechanic")]),
        ],
    )
    lea = db.session.execute(select(User)).scalar_one()
    assert lea.is_admin
    roles = select(Store.code, StoreMembership.role).join(Store, Store.id == StoreMembership.store_id)
    assert sorted(map(tuple, db.session.execute(roles))) == [("bakery", "staff"), ("cycles", "mechanic")]


def test_of_several_entries_the_last_name_counts(bring_in: Import) -> None:
    lea = {"email": "lea@mail.example"}
    stores = [store("bakery", staff=[{**lea, "name": "Lea"}]), store("cycles", staff=[{**lea, "name": "Lea Ross"}])]
    bring_in(admins=[lea], stores=[*stores, store("books", staff=[lea])])
    assert db.session.scalar(select(User.name)) == "Lea Ross"


def test_a_customer_is_somebody_else_in_each_store(bring_in: Import) -> None:
    bring_in(stores=[store(code, customers=[person("cleo", external_id="C-1")]) for code in ("bakery", "cycles")])
    assert db.session.scalar(select(func.count()).select_from(Customer)) == 2


def test_names_and_roles_change_in_place(bring_in: Import) -> None:
    bring_in(stores=[store(staff=[person("sam", role="owner")])])
    number = number_of(User, "sam")
    bring_in(stores=[store(staff=[{"email": "SAM@mail.example", "name": "Samuel", "role": "baker"}])])
    row = db.session.execute(select(User.id, User.name, User.email)).one()
    assert tuple(row) == (number, "Samuel", "SAM@mail.example")
    assert db.session.scalar(select(StoreMembership.role)) == "baker"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"admins": [\n  {"email" "x"}]}', "line 2, column 12: "),
        (b"{\n\xff}", "line 2: this is not UTF-8."),
        ("[]", "the file: must be an object."),
        ("[" * 100_000, "line 1: "),
        ('{"members": []}', "members: is not a known key."),
        ('{"stores": [{"code": "a", "name": "A", "Staff": []}]}', "stores[0].Staff: is not a known key."),
        ('{"stores": {}}', "stores: must be a list."),
        ('{"stores": [{"name": "A"}]}', "stores[0].code: is missing."),
        ('{"stores": [{"code": "a"}]}', "stores[0].name: is missing"),
        ('{"stores": [{"code": "a/b", "name": "A"}]}', "stores[0].code: has 1-64 characters"),
        ('{"stores": [{"code": "a", "code": "b"}]}', "stores[0].code: appears twice"),
        (
            '{"stores": [{"code": "a", "name": "A"}, {"code": "a"}]}',
            "stores[1].code: already used at stores[0].code.",
        ),
        ('{"stores": [{"code": "a", "name": "A", "accent": "red"}]}', "stores[0].accent: is one of clay, amber, leaf"),
        ('{"stores": [{"code": "a", "name": "A", "active": "no"}]}', "stores[0].active: must be true or false."),
        ('{"stores": [{"code": "a", "name": "A", "logo": "none.png"}]}', "stores[0].logo: none.png cannot be read"),
        ('{"admins": [{"email": "a@b.c", "name": 3}]}', "admins[0].name: must be text in quotes."),
        ('{"admins": [{"email": "a@b.c", "name": " "}]}', "admins[0].name: is empty."),
        ('{"admins": [{"email": "a@b.c", "name": "A\\u0000"}]}', "admins[0].name: holds characters"),
        ('{"admins": [{"email": "a@b.c"}]}', "admins[0].name: is missing"),
        ('{"admins": [{"email": "a b@c", "name": "A"}]}', "admins[0].email: is not an e-mail address."),
        ('{"admins": [{"email": "\\ud800@b.c", "name": "A"}]}', "admins[0].email: is not an e-mail address."),
        *(
            (
                json.dumps({"admins": [{"email": email, "name": "A"}]}),
                "admins[0].email: is not an e-mail address that mail can use.",
            )
            for email in ("a@[x", '"@x', "<a@b", "a,b@c", "a..b@c", "a@b:c", "ä@b.c", f"a@{'ü' * 70}.de")
        ),
        ('{"admins": [{"email": "a@b.c", "name": "A", "password": ""}]}', "admins[0].password: has 1-1024 characters."),
        (
            '{"admins": [{"email": "a@b.c", "name": "A", "password_hash": "$2b$12$abc"}]}',
            "admins[0].password_hash: is not",
        ),
        (
            '{"admins": [{"email": "a@b.c", "name": "A"}, {"email": "A@B.c", "name": "A"}]}',
            "admins[1].email: already used at admins[0].email.",
        ),
        (
            (
                '{"admins": [{"email": "a@b.c", "name": "A", "password": "1"}], "stores": [{"code": "a", "name": "A", '
                '"staff": [{"email": "a@b.c", "password": "2"}]}]}'
            ),
            "stores[0].staff[0].password: the same person has another password at admins[0].password.",
        ),
    ],
)
def test_a_refusal_names_the_line_or_the_path(
    sqlite_app: Flask, tmp_path: Path, content: str | bytes, sentence: str
) -> None:
    path = tmp_path / "directory.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    assert sentence in problems(lambda: directory.import_file(path))


def test_a_missing_file_is_named(sqlite_app: Flask, tmp_path: Path) -> None:
    assert "people.json cannot be read" in problems(lambda: directory.import_file(tmp_path / "people.json"))


def test_a_path_leads_deep_into_the_file(bring_in_on_sqlite: Import) -> None:
    stores = [store(f"s{number}", customers=[person(f"c{i}") for i in range(18)]) for number in range(4)]
    stores[3]["customers"][17]["email"] = "nowhere"
    assert (
        problems(lambda: bring_in_on_sqlite(stores=stores))
        == "stores[3].customers[17].email: is not an e-mail address."
    )


def test_a_fault_found_while_writing_leaves_nothing_behind(bring_in: Import) -> None:
    bring_in(stores=[store("cycles", customers=[person("jun", external_id="C-1")])])
    stores = [
        store("bakery", staff=[person("sam")], customers=[person(f"c{i}") for i in range(50)]),
        store("cycles", name="Renamed", customers=[person("jun", external_id="C-2")]),
    ]
    refused = problems(lambda: bring_in(admins=[person("ada")], stores=stores))
    assert refused == ("stores[1].customers[0].email: belongs to another customer of this store (external_id C-1).")


def customers() -> dict[str | None, tuple[int, str]]:
    rows = db.session.execute(select(Customer.external_id, Customer.id, Customer.email_key)).all()
    db.session.rollback()
    return {number: (id_, email.partition("@")[0]) for number, id_, email in rows}


def test_an_external_id_keeps_its_customer_through_a_new_email(bring_in: Import) -> None:
    bring_in(stores=[store(customers=[person("cleo", external_id="C-1")])])
    number = customers()["C-1"][0]
    bring_in(stores=[store(customers=[person("cleopatra", external_id="C-1")])])
    assert customers() == {"C-1": (number, "cleopatra")}


def test_a_customer_without_external_id_takes_one_on(bring_in: Import) -> None:
    bring_in(stores=[store(customers=[person("cleo", password="secret")])])
    number, before = customers()[None][0], everything()["customers"]
    bring_in(stores=[store(customers=[person("cleo", external_id="C-1", password="secret")])])
    assert customers() == {"C-1": (number, "cleo")}
    assert before[0].split("$argon2id")[1].split("'")[0] in everything()["customers"][0]  # the password was left alone


def test_two_customers_may_swap_their_emails(bring_in: Import) -> None:
    bring_in(stores=[store(customers=[person("cleo", external_id="C-1"), person("omar", external_id="C-2")])])
    first, second = (customers()[number][0] for number in ("C-1", "C-2"))
    bring_in(stores=[store(customers=[person("omar", external_id="C-1"), person("cleo", external_id="C-2")])])
    assert customers() == {"C-1": (first, "omar"), "C-2": (second, "cleo")}


def test_an_email_that_is_let_go_may_be_given_to_somebody_new(bring_in: Import) -> None:
    bring_in(stores=[store(customers=[person("cleo", external_id="C-1")])])
    bring_in(stores=[store(customers=[person("cleo", external_id="C-2"), person("cleopatra", external_id="C-1")])])
    assert {number: email for number, (_, email) in customers().items()} == {"C-1": "cleopatra", "C-2": "cleo"}


def test_a_domain_with_a_sharp_s_is_another_one_than_with_two(bring_in: Import) -> None:
    people = {"info@faß.example": "first-password-1", "info@fass.example": "second-password-2"}
    for email, password in people.items():
        bring_in(stores=[store(customers=[{"email": email, "name": email, "password": password}])])
    bakery = db.session.execute(select(Store.id)).scalar_one()
    found = {email: authenticate(ActorType.CUSTOMER, email, password, bakery) for email, password in people.items()}
    assert None not in found.values() and len(set(found.values())) == 2
    assert found["info@faß.example"] == authenticate(
        ActorType.CUSTOMER, "INFO@xn--fa-hia.example", "first-password-1", bakery
    )
    assert authenticate(ActorType.CUSTOMER, "info@fass.example", "first-password-1", bakery) is None


def test_two_entries_for_one_customer_are_refused(bring_in: Import) -> None:
    bring_in(stores=[store(customers=[person("cleo", external_id="C-1")])])
    twice = [person("cleopatra", external_id="C-1"), person("cleo")]
    assert problems(lambda: bring_in(stores=[store(customers=twice)])) == (
        "stores[0].customers[1]: is the same customer as stores[0].customers[0]."
    )


def test_recipients_are_found_by_the_words_of_their_names(bring_in: Import) -> None:
    customers_ = [person("cleo", name="Zoë  Šimková-Łoś", external_id="K 17"), person("omar", name="ﷺ" * 200)]
    bring_in(admins=[person("ada")], stores=[store(name="Café Größe", customers=customers_)])
    ada = Actor(ActorType.ADMIN, 1, "Ada")
    for kind, words in (("store", ["cafe gr", "bakery", "GROSSE"]), ("customer", ["zoe simk", "cleo@mail", "17", "K"])):
        for q in words:
            assert len(list_recipients(ada, kind, q).rows) == 1, q
    assert not doctor.examine().broken


@pytest.mark.parametrize(
    ("q", "found"),
    [
        *(("राम", "राम कुमार"), ("मी", "मीरा रमण"), ("र", "राम कुमार, मीरा रमण"), ("LUKASZ", "Łukasz Nowak")),
        *(("oystein", "Øystein Dahl"), ("øyst", "Øystein Dahl"), ("obri", "Nora O’Brien"), ("o'br", "Nora O’Brien")),
        *(("brien", "Nora O’Brien"), ("dahl-b", ""), ("ahl", "")),
    ],
)
def test_a_name_is_found_as_people_type_it(bring_in: Import, q: str, found: str) -> None:
    names = ["राम कुमार", "मीरा रमण", "Łukasz Nowak", "Øystein Dahl", "Nora O’Brien"]
    bring_in(stores=[store(customers=[person(f"c{number}", name=name) for number, name in enumerate(names)])])
    rows = list_recipients(Actor(ActorType.ADMIN, 1, "Ada"), "customer", q).rows
    assert {row.name for row in rows} == set(filter(None, found.split(", ")))


def test_a_new_name_is_found_and_the_old_one_is_not(bring_in: Import) -> None:
    bring_in(stores=[store(customers=[person("cleo", name="Cleo Martin"), person("omar")])])
    bring_in(stores=[store(name="Patisserie", customers=[person("cleo", name="Cleo Marchand"), person("omar")])])
    terms = set(db.session.scalars(select(RecipientTerm.term)))
    assert terms == {"patisserie", "bakery", "cleo", "marchand", "cleo@mail.example", "omar", "omar@mail.example"}
    db.session.rollback()
    with statements() as made:
        bring_in(stores=[store(name="Patisserie", customers=[person("cleo", name="Cleo Marchand"), person("omar")])])
    assert not [statement for statement in made if "recipient_terms" in statement]
    assert not doctor.examine().broken
