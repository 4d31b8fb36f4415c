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
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from http.cookiejar import CookieJar
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from messaging_app.policies import ROLES
from messaging_app.storage import storage_from_url
from tests import cast
from tests.browser.conftest import PATIENCE, Visitors
from tests.browser.hands import messages, write
from tests.browser.test_journeys import compose, converse
from tests.conftest import TOKEN, role_of
from tests.live.installation import Installation
from tests.ops import nginx
from tests.services import free_port, wait_for

pytestmark = [pytest.mark.long, pytest.mark.postgres]
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

    @cached_property
    def opener(self) -> urllib.request.OpenerDirector:
        """What asks, with their cookies; to read the known authorities takes longer than an answer does."""
        context = ssl.create_default_context(cafile=str(self.authority))
        handlers = urllib.request.HTTPCookieProcessor(self.jar), urllib.request.HTTPSHandler(context=context)
        return urllib.request.build_opener(*handlers)

    def ask(self, path: str, data: bytes | None = None, **headers: str) -> tuple[int, bytes, Any]:
        sent = (
            {"Referer": self.base + path}
            | ({"Origin": self.base} if data else {})
            | {name.replace("_", "-"): value for name, value in headers.items()}
        )
        asked = urllib.request.Request(self.base + path, data, sent)
        try:
            answer: Any = self.opener.open(asked, timeout=20)
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
    second: int  # a port at which nginx looks for the application, too; nobody is there as a rule

    def visitor(self, role: str, name: str) -> Visitor:
        return Visitor(self.base, self.authority).sign_in(role, name)

    def begin(self, sam: Visitor) -> int:
        cleo = self.installation.cast.cleo
        fields = {"conversation_type": "store_customer", "recipient_type": "customer", "recipient_id": cleo.id}
        assert sam.post("/store/messages", subject="Rye", content="It leaves tomorrow.", **fields) == 200
        _status, page, _headers = sam.ask("/store/messages")
        return int(re.search(rb'id="conversation-(\d+)"', page).group(1))  # type: ignore[union-attr]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that nginx's user may enter; pytest's own are closed to everybody else."""
    with tempfile.TemporaryDirectory(prefix="scaled-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(params=["folder", "s3"])
def scaled(
    request: pytest.FixtureRequest, tmp_path: Path, open_folder: Path, postgres_url: str, redis_url: str
) -> Iterator[Scaled]:
    nginx.need()
    uploads = open_folder / "uploads"
    storage = request.getfixturevalue("s3").url if request.param == "s3" else str(uploads)
    installation = Installation(
        tmp_path, postgres_url, redis_url, env="production", storage_url=storage, accel_prefix=PRIVATE, proxies=1,
        base_url="https://localhost", mail_url=f"smtp://127.0.0.1:{free_port()}", mail_from="no-reply@messages.example",
    )  # fmt: skip
    try:
        installation.start()
        folder = open_folder / "nginx"
        second = free_port()
        with nginx.running(folder, [installation.port, second], uploads) as port:
            yield Scaled(installation, f"https://localhost:{port}", folder / "fullchain.pem", folder, second)
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
    sent_by_nginx = not scaled.installation.environment["MESSAGING_STORAGE_URL"].startswith("s3:")
    assert ("X-Accel-Redirect" in headers_behind_nginx(scaled, cleo, link)) == sent_by_nginx

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


class Browsers(Visitors):
    """People at real browsers, over https, who sign in as everybody does."""

    def __call__(self, name: str | None = None, *_where: Any, **_options: Any) -> Page:
        assert name is not None
        context = self.browser.new_context(base_url=self.site.url, ignore_https_errors=True)
        self.contexts.append(context)
        context.set_default_timeout(PATIENCE)
        self._watch(context)
        page = context.new_page()
        role = role_of(name)
        page.goto(f"/{role}/login" + ("?store=bakery" if role == "storefront" else ""))
        page.get_by_label("E-mail").fill(cast.EMAILS[name])
        page.get_by_label("Password").fill(cast.PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"**{ROLES[role].messages}")
        return page


@pytest.mark.browser
@pytest.mark.parametrize("scaled", ["s3"], indirect=True)
def test_all_three_roles_tour_it_in_real_browsers(scaled: Scaled, browser: Browser) -> None:
    visit = Browsers(SimpleNamespace(url=scaled.base), browser)  # type: ignore[arg-type]
    try:
        ada, sam, cleo = (visit(name) for name in ("ada", "sam", "cleo"))
        assert ada.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol") == "h2"
        compose(ada, "Bakery", "The new contract", "Please sign it.", kind="A store")
        converse(ada, sam, "The new contract", "Please sign it.", answerer_may_close=True)
        write(sam, "It is signed.")  # what still waits would open by itself when the next one is closed
        expect(messages(sam)).to_have_count(4)
        compose(sam, "Cleo", "Your rye loaf", "It leaves tomorrow.")
        converse(sam, cleo, "Your rye loaf", "It leaves tomorrow.", answerer_may_close=False)

        sam.get_by_label("Attach files", exact=True).set_input_files(
            {"name": "bread.png", "mimeType": "image/png", "buffer": PICTURE}
        )
        write(sam, "A picture of it.")
        picture = messages(cleo).last.get_by_role("img")
        expect(picture).to_be_visible()
        shown = "image => image.decode().then(() => image.naturalWidth)"
        assert picture.evaluate(shown) > 0
    finally:
        visit.leave()
    assert not visit.heard, "\n".join(visit.heard)


@pytest.mark.parametrize("scaled", ["folder"], indirect=True)
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


@pytest.mark.parametrize("scaled", ["folder"], indirect=True)
def test_processes_are_replaced_by_others_and_nobody_notices(scaled: Scaled) -> None:
    place, people = scaled.installation, [("store", "sam"), ("store", "nadia"), ("storefront", "cleo")]
    visitors = [scaled.visitor(role, name) for role, name in people]
    number, over = scaled.begin(visitors[0]), threading.Event()
    answers: Counter[tuple[str, int]] = Counter()

    def use(visitor: Visitor, base: str) -> None:
        while not over.is_set():
            answers["send", visitor.post(f"{base}/{number}/messages", content="Still there")] += 1
            answers["read", visitor.ask(f"{base}/{number}")[0]] += 1
            time.sleep(0.05)  # the new processes need the processor too

    threads = [
        threading.Thread(target=use, args=(visitor, ROLES[role].messages))
        for visitor, (role, _name) in zip(visitors, people, strict=True)
    ]
    old, left, place.port = place.web, place.port, scaled.second
    place.environment["PORT"] = str(place.port)
    place.web = place._run("gunicorn", "-c", "python:messaging_app.gunicorn_conf", "wsgi:app")
    for thread in threads:
        thread.start()
    try:
        wait_for(place._answers, 60, what="the new processes to answer")
        time.sleep(2.5)  # nginx looks again after fail_timeout
        nginx.leave_out(scaled.folder, left)
        time.sleep(1)  # what nginx handed over before is answered
    finally:
        assert old is not None
        old.send_signal(signal.SIGTERM)
        old.wait(15)
        time.sleep(0.5)
        over.set()
        for thread in threads:
            thread.join(30)
    assert set(answers) == {("send", 200), ("read", 200)} and answers["send", 200] > 10, answers


@pytest.mark.parametrize("scaled", ["folder"], indirect=True)
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


def headers_behind_nginx(scaled: Scaled, visitor: Visitor, path: str) -> Any:
    """What the application itself answers."""
    link = http.client.HTTPConnection("127.0.0.1", scaled.installation.port, timeout=20)
    link.request("GET", path, headers={"Cookie": visitor.cookies, "X-Forwarded-Proto": "https"})
    with contextlib.closing(link.getresponse()) as answer:
        assert answer.status == 200
        return answer.headers


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
