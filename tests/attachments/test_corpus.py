"""Every file of the corpus through the pages and the API: refused with its code, or fetched again byte for byte."""

from __future__ import annotations

import html
from urllib.parse import unquote

import pytest
from werkzeug.test import TestResponse

from messaging_app.files import clean_name
from tests.attachments.conftest import Doors, codes, ids
from tests.attachments.multipart import Form
from tests.files.corpus import all_rows, one_of_each
from tests.files.rows import ACCEPTED, Row

pytestmark = pytest.mark.slow

IMAGES = {"image/jpeg", "image/png", "image/gif", "image/webp"}
PDF = all_rows()["honest.pdf"].make()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in one_of_each() else pytest.mark.long) for name in all_rows()]
)
def test_a_file_gets_its_verdict_at_both_doors(kept_doors: Doors, name: str) -> None:
    row = all_rows()[name]
    data = row.make()
    page = kept_doors.page(Form().text(content="See").file(data, row.raw_name))
    api = kept_doors.api(Form().text(content="See").file(data, row.raw_name))
    if row.verdict == ACCEPTED:
        assert (page.status_code, api.status_code) == (200, 201), (page.text, api.text)
        [told] = api.json["attachments"]
        assert (told["mime_type"], told["size"]) == (row.mime, len(data))
        for number, by_api in ((ids(page)[0], False), (told["id"], True)):
            arrives(kept_doors, row, data, number, by_api)
    else:
        too_large = row.verdict == "too_large"
        assert (page.status_code, api.status_code) == (422, 413 if too_large else 422), (page.text, api.text)
        assert codes(api) == [row.verdict]
        assert api.json["code"] == ("too_large" if too_large else "invalid")
        shown = "" if row.verdict == "name_invalid" else clean_name(as_it_comes(row))
        sentence = api.json["errors"][0]["message"]
        assert shown in sentence and sentence in html.unescape(page.text) and "See</textarea>" in page.text
    assert not any((kept_doors.root / ".staging").glob("*"))


def as_it_comes(row: Row) -> str:
    """The raw name after its way through a request: half a surrogate pair has no bytes in UTF-8."""
    return row.raw_name.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def arrives(doors: Doors, row: Row, data: bytes, number: int, by_api: bool) -> None:
    """The file comes as it was sent, with headers that let no browser take it for anything else."""
    whole = doors.fetch(number, by_api=by_api)
    assert (whole.status_code, whole.data) == (200, data)
    held_back(whole, row, by_api)
    assert disposition(whole) == ("inline" if row.mime in IMAGES else "attachment", shown_as(row))
    head = doors.fetch(number, by_api=by_api, method="HEAD")
    assert (head.status_code, head.data) == (200, b"")
    assert {**head.headers, "X-Request-ID": ""} == {**whole.headers, "X-Request-ID": ""}
    end = min(len(data), 3)
    part = doors.fetch(number, by_api=by_api, Range="bytes=1-2") if end > 1 else None
    if part is not None:
        assert (part.status_code, part.data) == (206, data[1:end])
        assert part.headers["Content-Range"] == f"bytes 1-{end - 1}/{len(data)}"
        held_back(part, row, by_api)


def held_back(answer: TestResponse, row: Row, by_api: bool) -> None:
    headers = answer.headers
    content_type = headers["Content-Type"]
    assert content_type.split(";")[0] == row.mime and ";" not in content_type, content_type
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["Vary"] == ("Authorization" if by_api else "Cookie")
    assert headers["Accept-Ranges"] == "bytes"
    assert int(headers["Content-Length"]) == len(answer.data)


def disposition(answer: TestResponse) -> tuple[str, str]:
    """Kind and name, read as RFC 6266 says: `filename*` counts where it stands."""
    header = answer.headers["Content-Disposition"]
    assert header.isascii() and header.isprintable()
    kind, _, rest = header.partition("; filename")
    plain, _, extended = rest.partition("; filename*=UTF-8''")
    if rest.startswith("*=UTF-8''"):
        extended = rest.removeprefix("*=UTF-8''")
    if extended:
        return kind, unquote(extended, errors="strict")
    return kind, plain.removeprefix("=").removeprefix('"').removesuffix('"')


def shown_as(row: Row) -> str:
    if row.shown_as is not None and row.raw_name == as_it_comes(row):
        return row.shown_as
    return clean_name(as_it_comes(row))


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b"a\r\n b.pdf", None),  # a header folded as in old mail; whatever is made of it, no file is lost
        (b"a\0b.pdf", "ab.pdf"),
        ("a\u202efdp.pdf".encode(), "afdp.pdf"),
        (b"a" * 300 + b".pdf", "a" * 251 + ".pdf"),
        (b"say %22hi%22.pdf", 'say "hi".pdf'),
        (b'say \\"hi\\".pdf', 'say "hi".pdf'),
        (b"a%0D%0Ab.pdf", "a%0D%0Ab.pdf"),
        (b"../../etc/passwd.pdf", "passwd.pdf"),
        (b"C:\\\\fakepath\\\\photo.pdf", "photo.pdf"),
        ("日本語.pdf".encode(), "日本語.pdf"),
        ("日本語.pdf".encode("shift-jis"), None),  # not UTF-8: some name, and the bytes as they are
    ],
    ids=repr,
)
def test_a_name_as_raw_bytes_neither_breaks_the_download_nor_loses_the_file(
    kept_doors: Doors, written: bytes, shown: str | None
) -> None:
    header = b'form-data; name="attachments"; filename="%s"' % written
    for by_api, send in ((False, kept_doors.page), (True, kept_doors.api)):
        answer = send(Form().text(content="See").raw(header, PDF))
        if shown is None and answer.status_code not in (200, 201):
            assert answer.status_code in (400, 422), answer.text
            continue
        assert answer.status_code in (200, 201), answer.text
        number = answer.json["attachments"][0]["id"] if by_api else ids(answer)[0]
        fetched = kept_doors.fetch(number, by_api=by_api)
        assert fetched.data == PDF
        assert shown is None or disposition(fetched) == ("attachment", shown)


@pytest.mark.parametrize("name", [b"a\nb.pdf", b"\n", b"a.pdf\nX-Header: 1", b"a\rb.pdf"], ids=repr)
def test_a_line_break_in_a_name_never_sends_the_text_without_its_file(kept_doors: Doors, name: bytes) -> None:
    """A bare line feed makes the part a text field; then the send is refused instead of succeeding with less."""
    header = b'form-data; name="attachments"; filename="%s"' % name
    before = kept_doors.last_seq()
    page = kept_doors.page(Form().text(content="See").raw(header, PDF))
    assert page.status_code in (400, 422) or ids(page), page.text
    assert page.status_code != 422 or "See</textarea>" in page.text
    api = kept_doors.api(Form().text(content="See").raw(header, PDF))
    assert api.status_code in (400, 422) or api.json["attachments"], api.text
    sent = sum(answer.status_code in (200, 201) for answer in (page, api))
    assert kept_doors.last_seq() == before + sent


def test_one_bad_file_among_good_ones_refuses_all_and_leaves_nothing(kept_doors: Doors) -> None:
    before, stored = kept_doors.last_seq(), kept_doors.stored()
    rows = [
        all_rows()[name] for name in ("honest.png", "honest.pdf", "program-renamed.docx", "empty.txt", "honest.zip")
    ]
    for send in (kept_doors.page, kept_doors.api):
        form = Form().text(content="See")
        for row in rows:
            form.file(row.make(), row.raw_name)
        answer = send(form)
        assert answer.status_code == 422
    assert codes(answer) == ["content_mismatch", "empty"]
    assert (kept_doors.last_seq(), kept_doors.stored()) == (before, stored)
