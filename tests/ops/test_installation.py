"""The scaled installation of deploy/, from local programs: nginx, gevent processes, worker, PostgreSQL, Redis, files or S3."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode

import pytest

from messaging_app.storage import storage_from_url
from tests import cast
from tests.conftest import TOKEN
from tests.live.installation import Installation
from tests.ops import nginx
from tests.services import Postgres, free_port, new_bucket, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.postgres]
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100c9fe92ef"
    "0000000049454e44ae426082"
)
PRIVATE = "/protected-files/"


@dataclass
class Visitor:
    """Somebody's browser over https, as far as a test needs one."""

    base: str
    authority: Path
    jar: CookieJar = field(default_factory=CookieJar)
    token: str = ""

    def ask(self, path: str, data: bytes | None = None, **headers: str) -> tuple[int, bytes, Any]:
        context = ssl.create_default_context(cafile=str(self.authority))
        opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self.jar), urllib.request.HTTPSHandler(context=context)
        )
        sent = {"Referer": self.base + path} | {name.replace("_", "-"): value for name, value in headers.items()}
        asked = urllib.request.Request(self.base + path, data, sent)
        try:
            answer: Any = opener.open(asked, timeout=20)
        except HTTPError as error:
            answer = error
        with contextlib.closing(answer):
            body = answer.read()
        if found := TOKEN.search(body.decode(errors="replace")):
            self.token = found.group(1) or found.group(2)
        return answer.status, body, answer.headers

    def post(self, path: str, **fields: Any) -> int:
        return self.ask(path, urlencode({"csrf_token": self.token} | fields).encode())[0]

    def sign_in(self, role: str, name: str) -> Visitor:
        path = f"/{role}/login" + ("?store=bakery" if role == "storefront" else "")
        self.ask(path)
        assert self.post(path, email=cast.EMAILS[name], password=cast.PASSWORD) == 200
        return self

    def send_file(self, path: str, name: str, content: bytes) -> tuple[int, bytes]:
        parts = [
            f'--b\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode()
            for k, v in (("csrf_token", self.token), ("content", "Look"))
        ]
        head = f'--b\r\nContent-Disposition: form-data; name="attachments"; filename="{name}"\r\nContent-Type: image/png\r\n\r\n'
        body = b"".join(parts) + head.encode() + content + b"\r\n--b--\r\n"
        status, text, _headers = self.ask(path, body, Content_Type="multipart/form-data; boundary=b", HX_Request="true")
        return status, text

    @property
    def cookies(self) -> str:
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.jar)


@dataclass
class Scaled:
    """The whole installation and who is in it."""

    installation: Installation
    base: str
    authority: Path
    folder: Path

    def visitor(self, role: str, name: str) -> Visitor:
        return Visitor(self.base, self.authority).sign_in(role, name)

    def begin(self, sam: Visitor) -> int:
        cleo = self.installation.cast.cleo
        fields = {"conversation_type": "store_customer", "recipient_type": "customer", "recipient_id": cleo.id}
        assert sam.post("/store/messages", subject="Rye", content="It leaves tomorrow.", **fields) == 200
        _status, page, _headers = sam.ask("/store/messages")
        return int(re.search(rb'id="conversation-(\d+)"', page).group(1))  # type: ignore[union-attr]


@pytest.fixture(scope="module", params=["folder", "s3"])
def scaled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, redis_server: str
) -> Iterator[Scaled]:
    """One installation for all of these tests: each begins what it needs, and none leaves it broken."""
    nginx.need()
    place = tmp_path_factory.mktemp("scaled")
    uploads, folder = place / "uploads", place / "nginx"
    with pytest.MonkeyPatch.context() as environment:
        s3 = request.param == "s3" and new_bucket(request.getfixturevalue("s3_server"), environment)
        installation = Installation(
            place, postgres.url(postgres.create_database(template=postgres.migrated())), redis_server,
            env="production", storage_url=s3.url if s3 else str(uploads), accel_prefix=PRIVATE, proxies=1,
            base_url="https://localhost", mail_url=f"smtp://127.0.0.1:{free_port()}",
            mail_from="no-reply@messages.example",
        )  # fmt: skip
        try:
            installation.start()
            with nginx.running(folder, installation.port, uploads) as port:
                yield Scaled(installation, f"https://localhost:{port}", folder / "fullchain.pem", folder)
        finally:
            installation.stop()


def test_people_talk_with_files_over_http2_and_see_each_other_live(scaled: Scaled) -> None:
    sam, cleo = scaled.visitor("store", "sam"), scaled.visitor("storefront", "cleo")
    secure = {cookie.name for cookie in [*sam.jar, *cleo.jar] if cookie.secure}
    assert {"__Host-store", "__Host-storefront"} <= secure, [cookie.name for cookie in [*sam.jar, *cleo.jar]]
    number = scaled.begin(sam)

    with listening(scaled, cleo) as heard:
        assert sam.post(f"/store/messages/{number}/messages", content="Live?") == 200
        wait_for(lambda: any('"message"' in line for line in heard()), 1.5, what="the wake-up")

    status, text = sam.send_file(f"/store/messages/{number}/messages", "日本.png", PICTURE)
    assert status == 200, text
    link = f"/storefront/account/messages/{number}/attachments/1"
    status, body, headers = cleo.ask(link)
    assert (status, body) == (200, PICTURE)
    for name, value in {
        "Content-Type": "image/png",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cache-Control": "private, no-store",
        "Cross-Origin-Resource-Policy": "same-origin",
    }.items():
        assert headers.get_all(name) == [value], (name, headers.get_all(name))
    assert "X-Accel-Redirect" not in headers and "UTF-8''%E6%97%A5" in headers["Content-Disposition"]
    status, part, _headers = cleo.ask(link, Range="bytes=1-3")
    assert (status, part) == (206, PICTURE[1:4])

    stranger = Visitor(scaled.base, scaled.authority)
    status, page, _headers = stranger.ask(link)
    assert status == 200 and b"sign-in__" in page and PICTURE not in page
    key = next(storage_keys(scaled))
    for address in (PRIVATE + key, f"{PRIVATE}../nginx/privkey.pem", f"/protected-files%2f{key}"):
        assert sam.ask(address)[0] == 404, address
    assert sam.ask("/metrics")[0] == 404

    shown = subprocess.run(
        ["curl", "-s", "-o", os.devnull, "-w", "%{http_version}", "--cacert", scaled.authority, f"{scaled.base}/healthz"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert shown.stdout == "2"


def test_any_process_answers_any_request_and_one_that_is_killed_is_not_missed(scaled: Scaled) -> None:
    sam = scaled.visitor("store", "sam")
    number = scaled.begin(sam)
    assert scaled.installation.web is not None
    master = scaled.installation.web.pid
    before = children(master)
    assert len(before) == 2
    sent = 0
    for turn in range(30):
        if turn == 10:
            os.kill(before[0], signal.SIGKILL)
        # What was being answered by the killed process is refused by nginx; the same key makes trying again safe.
        for _attempt in range(3):
            if (
                sam.post(f"/store/messages/{number}/messages", content=f"Line {turn}", idempotency_key=f"k{turn}")
                == 200
            ):
                sent += 1
                break
    assert sent == 30
    wait_for(lambda: len(children(master)) == 2 and children(master) != before, 10, what="the process to be replaced")
    _status, thread, _headers = sam.ask(f"/store/messages/{number}")
    assert [int(turn) for turn in re.findall(rb'message__content"[^>]*>Line (\d+)<', thread)] == list(range(30))


def test_every_part_says_that_it_is_ready_and_any_process_knows_the_figures_of_all(scaled: Scaled) -> None:
    sam = scaled.visitor("store", "sam")

    def ready() -> Any:
        return json.loads(sam.ask("/readyz")[1])

    wait_for(lambda: time.sleep(1.1) or ready()["status"] == "ok", 15, what="every part to be ready")
    for _ in range(12):
        sam.ask("/store/messages/unread-count", HX_Request="true")
    name = 'messaging_requests_total{method="GET",role="store",route="/store/messages/unread-count",status="200"} 12.0'
    for _ in range(4):  # by whichever process
        link = http.client.HTTPConnection("127.0.0.1", scaled.installation.port)
        link.request("GET", "/metrics")
        assert name in link.getresponse().read().decode()
        link.close()


def test_the_logs_of_both_agree_and_hold_no_secret(scaled: Scaled) -> None:
    sam = scaled.visitor("store", "sam")
    sam.ask("/store/messages?cursor=hidden-words", HX_Request="true")
    sam.ask("/unsubscribe/a-signed-token")
    passages = [json.loads(line) for line in (scaled.folder / "access").read_text().splitlines()]
    ours = [json.loads(line) for line in scaled.installation.said().splitlines() if line.startswith("{")]
    inbox = [line for line in ours if line.get("route") == "/store/messages"][-1]
    assert inbox["request_id"] in {line["request_id"] for line in passages}
    assert inbox["actor"] == f"store:{scaled.installation.cast.sam.id}" and inbox["address"] == "127.0.0.1"
    everything = (scaled.folder / "access").read_text() + scaled.installation.said()
    assert "hidden-words" not in everything and "a-signed-token" not in everything and cast.PASSWORD not in everything


def storage_keys(scaled: Scaled) -> Iterator[str]:
    url = scaled.installation.environment["MESSAGING_STORAGE_URL"]
    return (stored.key for stored in storage_from_url(url).keys("messages"))


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextlib.contextmanager
def listening(scaled: Scaled, visitor: Visitor) -> Iterator[Any]:
    """An open event stream through nginx, over HTTP/2; gives a function that tells the lines so far."""
    gathered = scaled.folder / "stream"
    with gathered.open("wb") as out:
        command = ["curl", "-sN", "--http2", "--cacert", str(scaled.authority), "-H", f"Cookie: {visitor.cookies}"]
        process = subprocess.Popen([*command, f"{scaled.base}/storefront/account/messages/events"], stdout=out)
        try:
            wait_for(lambda: "beat" in gathered.read_text(), 10, what="the stream to begin")
            yield lambda: gathered.read_text().splitlines()
        finally:
            process.kill()
            process.wait()
