"""Notes for programs: of one side, in their place, with mentions; for customers there is no such address."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from messaging_app import doctor
from messaging_app.services import attachments, notes
from tests.api.conftest import Api, faults_of, problem_of
from tests.api.test_files import ATTACHMENT, form, png


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


def test_a_notes_files_are_its_sides_alone(either_api: Api) -> None:
    api, number = either_api, either_api.begin("ada", "bakery")
    before = {name: (api.get(name, f"/{number}").data, api.get(name, "?status=all").data) for name in ("ada", "abe")}
    sent = {"content_type": "multipart/form-data"}
    picture = (png(), "Zygomorphic.png")
    files = form(picture, (b"a,b\n1,2\n", "list.csv"), mentions=[str(api.cast.lea.id), str(api.cast.nadia.id)])
    written = api.post("sam", f"/{number}/notes", **sent, **files)
    assert written.status_code == 201, written.text
    assert (written.json["content"], written.json["mentions"]) == ("", [api.cast.lea.id, api.cast.nadia.id])
    image, table = written.json["attachments"]
    here = f"/api/v1/store/messages/{number}/notes/attachments/{image['id']}"
    assert set(image) == ATTACHMENT and (image["download_url"], image["thumbnail_url"]) == (here, f"{here}/thumbnail")
    assert (table["filename"], table["mime_type"], table["thumbnail_url"]) == ("list.csv", "text/csv", None)
    assert api.get("lea", f"/{number}/notes").json == {"notes": [written.json]}
    fetched = api.get("lea", here)
    assert (fetched.status_code, fetched.data) == (200, picture[0])
    assert fetched.headers["X-Content-Type-Options"] == "nosniff" and fetched.headers["Vary"] == "Authorization"
    assert api.get("lea", f"{here}/thumbnail").headers["Content-Type"] == "image/webp"
    other = api.begin("ada", "bakery", subject="Another")
    for name, path in (
        ("ada", f"/{number}/notes/attachments/{image['id']}"),
        ("lea", f"/{number}/attachments/{image['id']}"),
        ("lea", f"/{other}/notes/attachments/{image['id']}"),
        ("lea", f"/{number}/notes/attachments/{image['id'] + 99}"),
        ("tomas", f"/{number}/notes/attachments/{image['id']}"),
    ):
        for suffix in ("", "/thumbnail"):
            problem_of(api.get(name, path + suffix), 404, "not_found")
    problem_of(api.call("lea", "DELETE", here), 403, "not_allowed")
    problem_of(api.call("ada", "DELETE", f"/{number}/notes/attachments/{image['id']}"), 404, "not_found")
    for _ in "ab":
        assert api.call("sam", "DELETE", f"{here}?reason=wrong").status_code == 204
    problem_of(api.get("sam", here), 404, "not_found")
    removed = api.get("lea", f"/{number}/notes").json["notes"][0]["attachments"][0]
    assert (removed["download_url"], removed["thumbnail_url"], removed["removed_by"]["name"]) == (None, None, "Sam")
    api.post("ada", f"/{other}/close")
    after = {name: (api.get(name, f"/{number}").data, before[name][1]) for name in before}
    assert after == before
    with api.app.app_context():
        assert not doctor.examine().broken


def test_one_bad_file_refuses_the_note_and_leaves_nothing(either_api: Api) -> None:
    api, number = either_api, either_api.begin("sam", "cleo")
    files = form((png(), "good.png"), (b"MZ", "bad.exe"), content="Look")
    with api.app.app_context():
        stored = set(attachments.storage().keys("messages/"))
    answer = api.post("sam", f"/{number}/notes", content_type="multipart/form-data", **files)
    assert ("attachments", "type_not_allowed") in faults_of(answer)
    assert api.get("sam", f"/{number}/notes").json == {"notes": []}
    with api.app.app_context():
        assert set(attachments.storage().keys("messages/")) == stored


def test_a_repeated_note_is_one_note(either_api: Api) -> None:
    api, number = either_api, either_api.begin("sam", "cleo")
    body, key = {"content": "@Lea", "mentions": [api.cast.lea.id]}, {"Idempotency-Key": "k-1"}
    first = api.post("sam", f"/{number}/notes", json=body, headers=key)
    assert api.post("sam", f"/{number}/notes", json=body, headers=key).json == first.json
    assert api.get("lea", f"/{number}").json["unread_count"] == 2
    problem_of(api.post("sam", f"/{number}/notes", json={"content": "Other"}, headers=key), 409, "idempotency_conflict")
    assert api.post("nadia", f"/{number}/notes", json=body, headers=key).status_code == 201
    assert len(api.get("sam", f"/{number}/notes").json["notes"]) == 2
    sent = api.post("sam", f"/{number}/messages", json={"content": "A message"}, headers=key)
    assert sent.status_code == 201, "a note's key is no message's"
    files = [form((png(), "a.png"), content="With a file") for _ in "ab"]
    twice = [
        api.post(
            "sam", f"/{number}/notes", content_type="multipart/form-data", headers={"Idempotency-Key": "k-2"}, **one
        )
        for one in files
    ]
    assert twice[0].json == twice[1].json
    with api.app.app_context():
        assert not doctor.examine().broken


def test_of_ten_equal_notes_at_once_one_is_written(either_api: Api) -> None:
    api, number = either_api, either_api.begin("sam", "cleo")

    def write(_turn: int) -> int:
        with api.app.app_context():
            return notes.write_note(api.cast.sam, number, "Once", idempotency_key="same").id

    with ThreadPoolExecutor(10) as pool:
        assert len(set(pool.map(write, range(10)))) == 1
    assert len(api.get("sam", f"/{number}/notes").json["notes"]) == 1
