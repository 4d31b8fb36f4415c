"""Files by the API: sent, fetched and removed."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from messaging_app.services.settings import set_settings
from tests.api.conftest import Api, faults_of, problem_of

ATTACHMENT = {
    "id", "filename", "mime_type", "size", "is_image", "download_url", "thumbnail_url", "removed_at", "removed_by"
}  # fmt: skip


def png() -> bytes:
    """A small picture."""
    data = io.BytesIO()
    Image.new("RGB", (640, 480), "teal").save(data, "PNG")
    return data.getvalue()


def form(*files: tuple[bytes, str], **fields: Any) -> dict[str, Any]:
    """A form with files."""
    return {"data": fields | {"attachments": [(io.BytesIO(data), name) for data, name in files]}}


def send(api: Api, name: str, number: int, *files: tuple[bytes, str], **fields: Any) -> Any:
    """A message with files."""
    return api.post(name, f"/{number}/messages", content_type="multipart/form-data", **form(*files, **fields))


def test_a_file_is_sent_fetched_and_removed(either_api: Api) -> None:
    api = either_api
    number = api.begin("sam", "cleo")
    picture = png()
    sent = send(api, "cleo", number, (picture, "日本語 photo.png"), (b"a,b\n1,2\n", "list.csv"), content="See")
    assert sent.status_code == 201
    image, table = sent.json["attachments"]
    assert set(image) == ATTACHMENT
    here = f"/api/v1/storefront/messages/{number}/attachments/{image['id']}"
    assert (image["filename"], image["mime_type"], image["size"]) == ("日本語 photo.png", "image/png", len(picture))
    assert (image["is_image"], image["download_url"], image["thumbnail_url"]) == (True, here, f"{here}/thumbnail")
    assert (table["mime_type"], table["is_image"], table["thumbnail_url"]) == ("text/csv", False, None)
    assert (image["removed_at"], image["removed_by"]) == (None, None)
    seen = api.get("nadia", f"/{number}").json["messages"][-1]["attachments"]
    assert [file["id"] for file in seen] == [image["id"], table["id"]]
    assert seen[0]["download_url"].startswith("/api/v1/store/")

    fetched = api.get("nadia", seen[0]["download_url"])
    assert fetched.status_code == 200 and fetched.data == picture
    assert fetched.headers["Content-Type"] == "image/png"
    assert fetched.headers["X-Content-Type-Options"] == "nosniff"
    assert fetched.headers["Cache-Control"] == "private, no-store" and fetched.headers["Vary"] == "Authorization"
    preview = api.get("nadia", seen[0]["thumbnail_url"])
    assert preview.status_code == 200 and preview.headers["Content-Type"] == "image/webp"
    problem_of(api.get("nadia", f"{seen[1]['download_url']}/thumbnail"), 404, "not_found")
    part = api.get("cleo", here, headers={"Range": "bytes=1-3"})
    assert part.status_code == 206 and part.data == b"PNG"
    beyond = api.get("cleo", here, headers={"Range": f"bytes={len(picture)}-"})
    problem_of(beyond, 416, "range_not_satisfiable")
    assert beyond.headers["Content-Range"] == f"bytes */{len(picture)}"

    assert api.call("cleo", "DELETE", here + "?reason=by+mistake").status_code == 204
    assert api.call("cleo", "DELETE", here).status_code == 204
    for path in (here, f"{here}/thumbnail"):
        problem_of(api.get("cleo", path), 404, "not_found")
    gone = api.get("sam", f"/{number}").json["messages"][-1]["attachments"][0]
    assert (gone["download_url"], gone["thumbnail_url"], gone["filename"]) == (None, None, "日本語 photo.png")
    assert gone["removed_by"] == {"type": "customer", "id": api.cast.cleo.id, "name": "Cleo"}
    assert gone["removed_at"].endswith("Z")


def test_a_conversation_may_begin_with_a_file_and_no_words(either_api: Api) -> None:
    fields = {key: str(value) for key, value in either_api.beginning("sam", "cleo", content="").items()}
    answer = either_api.post("sam", **form((b"words", "note.txt"), **fields))
    assert answer.status_code == 201 and answer.json["last_message_preview"] == "note.txt"
    [message] = answer.json["messages"]
    assert message["content"] == "" and len(message["attachments"]) == 1


def test_a_form_needs_words_or_a_file(api: Api) -> None:
    number = api.begin("sam", "cleo")
    assert faults_of(
        api.post("sam", f"/{number}/messages", data={"content": ""}, content_type="multipart/form-data")
    ) == {("content", "required")}
    assert send(api, "sam", number, content="Words alone").status_code == 201


def test_only_its_sender_or_an_admin_removes_a_file(api: Api) -> None:
    number = api.begin("ada", "bakery")
    sent = send(api, "sam", number, (b"words", "note.txt")).json["attachments"][0]
    problem_of(api.call("nadia", "DELETE", sent["download_url"]), 403, "not_allowed")
    problem_of(api.call("tomas", "DELETE", sent["download_url"]), 404, "not_found")
    at_admin = f"/api/v1/admin/messages/{number}/attachments/{sent['id']}"
    assert api.call("abe", "DELETE", at_admin).status_code == 204


def test_a_file_is_found_only_in_its_own_conversation(api: Api) -> None:
    number, other = api.begin("sam", "cleo"), api.begin("sam", "cleo")
    file = send(api, "sam", number, (b"words", "note.txt")).json["attachments"][0]
    for method, end in (("GET", ""), ("GET", "/thumbnail"), ("DELETE", "")):
        problem_of(api.call("sam", method, f"/{other}/attachments/{file['id']}{end}"), 404, "not_found")


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"MZ", "setup.exe", "type_not_allowed"),
        (b"words", "photo.png", "content_mismatch"),
        (b"", "empty.txt", "empty"),
        (b"words", "\u202e.txt", "type_not_allowed"),
    ],
)
def test_one_bad_file_refuses_the_whole_message(api: Api, data: bytes, name: str, code: str) -> None:
    number = api.begin("sam", "cleo")
    answer = send(api, "sam", number, (b"good", "good.txt"), (data, name), content="See")
    faults = faults_of(answer)
    assert {field for field, _ in faults} == {"attachments"}
    assert code in {fault for _, fault in faults} or name.startswith("\u202e"), faults
    assert api.get("sam", f"/{number}").json["last_seq"] == 1


def test_exactly_the_limit_passes_and_one_byte_more_is_too_large(api: Api) -> None:
    number = api.begin("sam", "cleo")
    with api.app.app_context():
        set_settings(None, {"message_attachment_max_size_mb": "1", "message_attachment_max_files": "2"})
    line = b"x" * 63 + b"\n"
    exact = line * (1024 * 1024 // 64)
    assert send(api, "sam", number, (exact, "a.txt")).status_code == 201
    over = send(api, "sam", number, (exact + b"x", "a.txt"))
    assert faults_of(over, 413, "too_large") == {("attachments", "too_large")}
    assert send(api, "sam", number, (exact, "a.txt"), (exact, "b.txt")).status_code == 201
    many = send(api, "sam", number, *[(b"x", f"{n}.txt") for n in range(3)])
    assert faults_of(many) == {("attachments", "too_many_files")}
    huge = send(api, "sam", number, *[(exact, f"{n}.txt") for n in range(4)])
    problem_of(huge, 413, "too_large")
    assert api.get("sam", f"/{number}").json["last_seq"] == 3


def test_text_where_a_file_belongs_is_refused(api: Api) -> None:
    number = api.begin("sam", "cleo")
    answer = api.post(
        "sam", f"/{number}/messages", data={"content": "x", "attachments": "words"}, content_type="multipart/form-data"
    )
    assert faults_of(answer) == {("attachments", "name_invalid")}
    body = (
        b'--x\r\nContent-Disposition: form-data; name="content"\r\n\r\nSee\r\n'
        b'--x\r\nContent-Disposition: form-data; name="attachments"; filename="a\nb.txt"\r\n\r\nwords\r\n--x--\r\n'
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = api.post("sam", f"/{number}/messages", data=body, headers=headers)
    assert ("attachments", "name_invalid") in faults_of(answer)
    assert api.get("sam", f"/{number}").json["last_seq"] == 1


def test_a_file_where_text_belongs_and_unknown_parts_are_refused(api: Api) -> None:
    number = api.begin("sam", "cleo")
    body = {"content": (io.BytesIO(b"words"), "a.txt"), "mood": "good", "picture": (io.BytesIO(b"x"), "x.txt")}
    assert faults_of(api.post("sam", f"/{number}/messages", data=body)) == {
        ("content", "wrong_type"),
        ("mood", "unknown"),
        ("picture", "unknown"),
    }
    twice = {"content": ["a", "b"]}
    answer = api.post("sam", f"/{number}/messages", data=twice, content_type="multipart/form-data")
    assert faults_of(answer) == {("content", "repeated")}
