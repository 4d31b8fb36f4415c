"""kill -9 in the middle of uploads: what was acknowledged is whole, the rest left no half message."""

from __future__ import annotations

import hashlib
import http.client
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from messaging_app import doctor
from messaging_app.models import Message, MessageAttachment
from tests.attachments.multipart import HEADERS, Form
from tests.browser.files import PICTURE
from tests.live.installation import Installation, Person
from tests.services import ROOT, wait_for

ROUNDS = 3
PIECE = 64 * 1024


class Sender(threading.Thread):
    """Sends one file after the other, with a pause after each piece, until the server is gone."""

    def __init__(self, person: Person, number: int, name: str, size: int, pause: float) -> None:
        super().__init__(daemon=True)
        self.person, self.number, self.title = person, number, name
        self.size, self.pause = size, pause
        self.acknowledged: dict[str, str] = {}
        self.sent = 0
        self.start()

    def run(self) -> None:
        number = 0
        while True:
            number += 1
            name = f"{self.title}-{number}.txt"
            data = name.encode() + b"\n" + random.randbytes(self.size // 2).hex().encode()
            try:
                if self._send(name, data) != 303:
                    return
            except (OSError, http.client.HTTPException):
                return
            self.acknowledged[name] = hashlib.sha256(data).hexdigest()

    def _send(self, name: str, data: bytes) -> int:
        form = Form().text(csrf_token=self.person.token, content=name).file(data, name)
        body = form.file(PICTURE["buffer"], f"{name}.png").body
        link = http.client.HTTPConnection("127.0.0.1", self.person.port, timeout=30)
        link.putrequest("POST", f"{self.person.base}/{self.number}/messages")
        for key, value in (HEADERS | self.person._cookie() | {"Content-Length": str(len(body))}).items():
            link.putheader(key, value)
        link.endheaders()
        for start in range(0, len(body), PIECE):
            link.send(body[start : start + PIECE])
            self.sent += 1
            time.sleep(self.pause)
        return link.getresponse().status


@pytest.mark.long
@pytest.mark.timeout(300)
def test_kill_9_in_the_middle_of_uploads_loses_nothing_and_leaves_only_strays(sqlite_url: str, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    installation = Installation(tmp_path, sqlite_url, None)
    installation.environment["TMPDIR"] = str(temporary)
    installation.start()
    sam = installation.signed_in("sam")
    number = sam.begin(installation.cast.cleo, "Files come")
    acknowledged: dict[str, str] = {}
    for turn in range(ROUNDS):
        slow = [Sender(sam, number, f"slow-{turn}-{who}", 3_000_000, 0.05) for who in range(2)]
        fast = [Sender(sam, number, f"fast-{turn}-{who}", 400_000, 0.0) for who in range(2)]
        wait_for(lambda fast=fast: any(sender.acknowledged for sender in fast), 30, what="an upload to arrive")
        wait_for(lambda slow=slow: all(sender.sent > 3 for sender in slow), 30, what="slow uploads to begin")
        time.sleep(random.uniform(0, 0.3))
        installation.kill()
        for sender in slow + fast:
            sender.join(30)
            acknowledged |= sender.acknowledged
        assert not all(sender.acknowledged for sender in slow), "somebody was in the middle"
        with installation.database():
            report = doctor.examine()
        assert not report.broken, report.lines
        installation.start()
        assert every_message_is_whole(installation, acknowledged) >= len(acknowledged)
        assert send_one(sam, number) == 303, "it goes on"
    root = tmp_path / "instance" / "uploads"
    for path in [*root.rglob("*"), *temporary.iterdir()]:
        if path.is_file():
            os.utime(path, (time.time() - 3700,) * 2)
    installation.stop()
    mended = check(installation, "--repair")
    assert mended.returncode == 0, mended.stdout
    with installation.database():
        assert not doctor.examine().broken
    assert not any((root / ".staging").iterdir()) and not any(temporary.iterdir())
    with installation.database() as session:
        rows = session.query(MessageAttachment).all()
        stored = {path.relative_to(root).as_posix() for path in root.rglob("*.*") if path.is_file()}
        assert stored == {key for row in rows for key in (row.key, row.thumbnail_key) if key}


def check(installation: Installation, *options: str) -> subprocess.CompletedProcess[str]:
    """The doctor as operators call it."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "check", *options]
    return subprocess.run(command, cwd=ROOT, env=installation.environment, capture_output=True, text=True, timeout=60)


def every_message_is_whole(installation: Installation, acknowledged: dict[str, str]) -> int:
    """Each message has both of its files, byte for byte, and none that was acknowledged is missing; how many."""
    root = installation.folder / "instance" / "uploads"
    with installation.database() as session:
        messages = session.query(Message).filter(Message.content.regexp_match(r"^(slow|fast)-")).all()
        files: dict[int, list[MessageAttachment]] = {}
        for file in session.query(MessageAttachment).all():
            files.setdefault(file.message_id, []).append(file)
        for message in messages:
            text, picture = sorted(files[message.id], key=lambda file: file.filename.endswith(".png"))
            data = (root / text.key).read_bytes()
            assert (text.filename, hashlib.sha256(data).hexdigest()) == (message.content, text.sha256)
            assert acknowledged.get(message.content, text.sha256) == text.sha256
            assert (root / picture.key).read_bytes() == PICTURE["buffer"]
            assert (root / str(picture.thumbnail_key)).stat().st_size > 0
        assert set(acknowledged) <= {message.content for message in messages}
        return len(messages)


def send_one(person: Person, number: int) -> int:
    body = Form().text(csrf_token=person.token, content="After").file(b"words", "after.txt").body
    link = http.client.HTTPConnection("127.0.0.1", person.port, timeout=30)
    link.request("POST", f"{person.base}/{number}/messages", body, HEADERS | person._cookie())
    return link.getresponse().status
