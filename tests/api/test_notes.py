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


def test_a_mention_is_unread_until_the_thread_is_read(either_api: Api) -> None:
    api, cast = either_api, either_api.cast
    number = api.begin("ada", "bakery")

    def unread(name: str) -> tuple[int, int]:
        total = api.get(name, "/unread-count").json["total_unread"]
        listed = api.get(name, "?unread=true").json
        assert listed["total_unread"] == total == sum(row["unread_count"] for row in listed["conversations"])
        return total, api.get(name, f"/{number}").json["unread_count"]

    for name in ("lea", "sam"):
        api.put(name, f"/{number}/read", json={})
    seen = api.get("lea", f"/{number}").json["participants"], api.get("sam", f"/{number}").headers["ETag"]
    api.post("ada", f"/{number}/notes", json={"content": "@Abe", "mentions": [cast.abe.id, cast.ada.id, cast.abe.id]})
    assert (unread("abe"), unread("ada"), unread("lea")) == ((1, 1), (0, 0), (0, 0))
    assert api.put("abe", f"/{number}/read", json={}).json["unread_count"] == 0
    assert unread("abe") == (0, 0)
    # Abe had no seat: the store sees none, also after he has read it.
    assert seen == (api.get("lea", f"/{number}").json["participants"], api.get("sam", f"/{number}").headers["ETag"])
    before = api.get("ada", f"/{number}").headers["ETag"]
    api.post("sam", f"/{number}/notes", json={"content": "@Lea", "mentions": [cast.lea.id]})
    api.post("ada", f"/{number}/messages", json={"content": "And?"})
    assert unread("lea") == (2, 2)
    api.put("lea", f"/{number}/read", json={"up_to": 1})
    assert unread("lea") == (1, 1)
    api.put("lea", f"/{number}/read", json={})
    before = api.get("ada", f"/{number}").headers["ETag"]
    api.post("sam", f"/{number}/notes", json={"content": "@Lea", "mentions": [cast.lea.id]})
    api.put("lea", f"/{number}/read", json={})
    assert unread("lea") == (0, 0)
    assert api.get("ada", f"/{number}").headers["ETag"] == before
