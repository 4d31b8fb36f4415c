"""Notes for programs: of one side, in their place, with mentions; for customers there is no such address."""

from __future__ import annotations

from tests.api.conftest import Api, faults_of, problem_of


def test_a_note_is_its_sides_alone(either_api: Api) -> None:
    api, cast = either_api, either_api.cast
    number = api.begin("ada", "bakery")
    before = {name: api.get(name, f"/{number}") for name in ("abe", "lea")}
    written = api.post("sam", f"/{number}/notes", json={"content": "  We pay half.\r\n", "mentions": []})
    assert written.status_code == 201, written.text
    assert written.json["author"] == {"type": "store", "id": cast.sam.id, "name": "Sam"}
    assert (written.json["content"], written.json["after_seq"]) == ("We pay half.", 1)
    assert (written.json["mentions"], written.json["attachments"]) == ([], [])
    assert api.get("lea", f"/{number}/notes").json == {"notes": [written.json]}
    assert api.get("abe", f"/{number}/notes").json == {"notes": []}
    assert api.get("lea", f"/{number}").headers["ETag"] != before["lea"].headers["ETag"]
    assert api.get("abe", f"/{number}").headers["ETag"] == before["abe"].headers["ETag"]
    problem_of(api.get("tomas", f"/{number}/notes"), 404, "not_found")
    problem_of(api.post("tomas", f"/{number}/notes", json={"content": "Hm"}), 404, "not_found")


def test_a_note_in_a_closed_conversation(either_api: Api) -> None:
    number = either_api.begin("sam", "cleo")
    either_api.post("sam", f"/{number}/close")
    assert either_api.post("sam", f"/{number}/notes", json={"content": "Done"}).json["after_seq"] == 2
    assert either_api.get("sam", f"/{number}").json["status"] == "closed"


def test_what_a_note_cannot_say(either_api: Api) -> None:
    api, cast = either_api, either_api.cast
    number = api.begin("sam", "cleo")
    for content, code in (("", "required"), ("x" * 10_001, "too_long"), ("a\0b", "invalid_characters")):
        answer = api.post("sam", f"/{number}/notes", json={"content": content})
        assert dict(faults_of(answer)) == {"content": code}
    for stranger in (cast.tomas.id, cast.ada.id, 10**6):
        answer = api.post("sam", f"/{number}/notes", json={"content": "Look", "mentions": [stranger]})
        assert dict(faults_of(answer)) == {"mentions": "unknown_user"}
    assert api.get("sam", f"/{number}/notes").json == {"notes": []}


def test_customers_have_no_notes(either_api: Api) -> None:
    number = either_api.begin("sam", "cleo")
    assert either_api.get("cleo", f"/{number}/notes").status_code == 404
    assert either_api.post("cleo", f"/{number}/notes", json={"content": "Hm"}).status_code == 404
