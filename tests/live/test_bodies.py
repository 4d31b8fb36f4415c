"""Bodies that come short, and words that come before a file nobody reads."""

from __future__ import annotations

import http.client
import json
import socket

import pytest
from sqlalchemy import func, select

from messaging_app.accounts.tokens import create_token
from messaging_app.models import Message
from tests.live.installation import Installation, Person

pytestmark = pytest.mark.slow

WORDS = "Words that somebody typed for a quarter of an hour"
PART = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
FILE = '--b\r\nContent-Disposition: form-data; name="attachments"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n'


def cut(port: int, path: str, mimetype: str, body: str, *headers: str) -> bytes:
    """The answer to a request whose connection ends before the body does."""
    head = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Type: {mimetype}", f"Content-Length: {len(body) + 7}"]
    with socket.create_connection(("127.0.0.1", port), 20) as link:
        link.sendall("\r\n".join([*head, *headers, "", body]).encode())
        link.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: link.recv(65536), b""))


def test_a_body_that_ends_before_its_length_is_400_whatever_its_type(kept: Installation) -> None:
    sam = kept.signed_in("sam")
    number = sam.begin(kept.cast.cleo, "Hello")
    signed_in = [f"Cookie: {sam._cookie()['Cookie']}", f"X-CSRFToken: {sam.token}"]
    with kept.database() as session:
        token = create_token(kept.cast.sam.type, kept.cast.sam.id, kept.cast.sam.store_id, "test")
        before = session.scalar(select(func.count()).select_from(Message))
    page, api = f"{sam.base}/{number}/messages", f"/api/v1/store/messages/{number}/messages"
    multipart, long = "multipart/form-data; boundary=b", "x" * 100_000
    bearer = f"Authorization: Bearer {token}"
    answers = [
        cut(kept.port, page, "application/x-www-form-urlencoded", "content=Half+of+it", *signed_in),
        cut(kept.port, page, "application/x-www-form-urlencoded", f"content={long}", *signed_in),
        cut(kept.port, page, multipart, PART.format("content", "Half of it"), *signed_in),
        cut(kept.port, page, multipart, PART.format("content", "All") + FILE + long, *signed_in),
        cut(kept.port, page, "text/plain", "content=Half of it", *signed_in),
        cut(kept.port, f"{sam.base}/{number}/close", "text/plain", "nothing that is looked at", *signed_in),
        cut(kept.port, api, "application/json", json.dumps({"content": "Looks whole"}), bearer),
        cut(kept.port, api, multipart, PART.format("content", "Half of it"), bearer),
        cut(kept.port, f"{page}?", "application/x-www-form-urlencoded", "content=Half", signed_in[0]),
        cut(kept.port, "/store/login", "application/x-www-form-urlencoded", "email=sam", signed_in[0]),
    ]
    assert [answer[:13] for answer in answers] == [b"HTTP/1.1 400 "] * len(answers)
    with kept.database() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == before


@pytest.mark.parametrize("size", [100, 300_000, 6_000_000])
def test_words_before_a_file_are_shown_to_whom_was_signed_out(kept: Installation, size: int) -> None:
    """A form without scripts: all of the file is sent before anybody looks at the answer."""
    sam = kept.signed_in("sam")
    number = sam.begin(kept.cast.cleo, "Hello")
    fields = PART.format("csrf_token", sam.token) + PART.format("content", f"{WORDS} <é>")
    sam.post("/store/logout")
    body = (fields + FILE + "x" * size + "\r\n--b--\r\n").encode()
    link = http.client.HTTPConnection("127.0.0.1", kept.port, timeout=60)
    link.request("POST", f"{sam.base}/{number}/messages", body, {"Content-Type": "multipart/form-data; boundary=b"})
    answer = link.getresponse()
    page = answer.read().decode()
    link.close()
    assert answer.status == 401, page
    assert f"{WORDS} &lt;é&gt;" in page and "/store/login?next=" in page


def test_words_before_a_file_that_is_too_large_are_shown(kept: Installation) -> None:
    sam: Person = kept.signed_in("sam")
    number = sam.begin(kept.cast.cleo, "Hello")
    fields = PART.format("csrf_token", sam.token) + PART.format("content", WORDS)
    length = len(fields) + 200_000_000
    cookie = sam._cookie()["Cookie"]
    head = [f"POST {sam.base}/{number}/messages HTTP/1.1", "Host: localhost", f"Cookie: {cookie}"]
    head += ["Content-Type: multipart/form-data; boundary=b", f"Content-Length: {length}", "", ""]
    with socket.create_connection(("127.0.0.1", kept.port), 60) as link:
        link.sendall("\r\n".join(head).encode() + fields.encode() + FILE.encode() + b"x" * 100_000)
        answer = http.client.HTTPResponse(link)
        answer.begin()
        assert answer.status == 413
        assert WORDS in answer.read().decode()
