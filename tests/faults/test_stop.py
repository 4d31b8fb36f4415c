"""SIGTERM in the middle of uploads: what was accepted is finished, the rest is refused, nothing is left half."""

from __future__ import annotations

import http.client
import random
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from messaging_app import doctor
from messaging_app.models import Message, MessageAttachment
from tests.live.installation import Installation

UPLOADS = 20


@pytest.mark.long
@pytest.mark.parametrize("setup", ["embedded", pytest.param("scaled", marks=pytest.mark.postgres)])
def test_sigterm_during_twenty_uploads_finishes_or_refuses_each(
    setup: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if setup == "scaled":
        installation = Installation(tmp_path, *map(request.getfixturevalue, ("postgres_url", "redis_url")))
    else:
        shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "messaging.db")
        installation = Installation(tmp_path, f"sqlite:///{tmp_path / 'messaging.db'}", None)
    installation.start()
    sam = installation.signed_in("sam")
    number = sam.begin(installation.cast.cleo, "We begin.")
    content = random.Random(1).randbytes(150_000).hex().encode()
    acknowledged: list[int] = []
    started = threading.Barrier(UPLOADS + 1)

    def upload(turn: int) -> None:
        parts = {"csrf_token": sam.token, "content": f"upload {turn}", "idempotency_key": f"k{turn}"}
        head = "".join(f'--b\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in parts.items())
        head += '--b\r\nContent-Disposition: form-data; name="attachments"; filename="f.txt"\r\n\r\n'
        body = head.encode() + content + b"\r\n--b--\r\n"
        link = http.client.HTTPConnection("127.0.0.1", installation.port, timeout=20)
        try:
            link.putrequest("POST", f"{sam.base}/{number}/messages")
            for name, value in (sam._cookie() | {"Content-Type": "multipart/form-data; boundary=b"}).items():
                link.putheader(name, value)
            link.putheader("Content-Length", str(len(body)))
            link.endheaders()
            link.send(body[:100_000])
            started.wait()
            time.sleep(turn * 0.02)
            link.send(body[100_000:])
            if link.getresponse().status == 303:
                acknowledged.append(turn)
        except (OSError, http.client.HTTPException):
            pass
        finally:
            link.close()

    threads = [threading.Thread(target=upload, args=(turn,)) for turn in range(UPLOADS)]
    for thread in threads:
        thread.start()
    started.wait()
    began = time.monotonic()
    installation.kill(signal.SIGTERM)
    assert time.monotonic() - began < 8, "it ends within its grace"
    for thread in threads:
        thread.join(25)
    with installation.database() as session:
        there = session.execute(
            select(Message.content, Message.attachment_count).where(Message.content != "We begin.")
        ).all()
        files = session.scalars(select(MessageAttachment.key)).all()
        session.rollback()
        assert not doctor.examine().broken
    assert {f"upload {turn}" for turn in acknowledged} <= {row.content for row in there}
    assert all(row.attachment_count == 1 for row in there) and len(files) == len(there)
    assert acknowledged, "what had arrived in time was finished"
