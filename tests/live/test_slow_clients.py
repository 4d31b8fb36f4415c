"""Who is slow, or says nothing, takes nobody else's place: 260 such connections, more than an embedded process has threads."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from messaging_app.web.bodies import FROM_ONE_ADDRESS
from tests.live.conftest import _embedded
from tests.live.installation import Installation, Person
from tests.ops import nginx
from tests.services import wait_for

pytestmark = pytest.mark.long

MANY = 260
FORM = "Host: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
SEND_AT = "/storefront/account/messages/1/messages"
# Each begins like this and goes on with a byte now and then. None of them is anybody we know.
SLOW = {
    "a head": f"GET / HTTP/1.1\r\n{FORM}X-More: ",
    "the second head on a connection": f"GET /healthz HTTP/1.1\r\n{FORM}\r\nGET / HTTP/1.1\r\nHost: ",
    "a sign-in": f"POST /store/login HTTP/1.1\r\n{FORM}Content-Length: 200\r\n\r\nemail=",
    "a sign-in that waits to be asked": f"POST /store/login HTTP/1.1\r\n{FORM}Expect: 100-continue\r\nContent-Length: 200\r\n\r\n",
    "a sign-in without an end": f"POST /store/login HTTP/1.1\r\n{FORM}Transfer-Encoding: chunked\r\n\r\n2\r\na=\r\n",
    "an upload": f"POST {SEND_AT} HTTP/1.1\r\n{FORM}Content-Length: 900000\r\n\r\ncontent=",
    "an upload to the API": f"POST /api/v1/store/messages/1/messages HTTP/1.1\r\n{FORM}Content-Length: 900000\r\n\r\n",
    "an upload to nowhere": f"POST /nowhere HTTP/1.1\r\n{FORM}Content-Length: 900000\r\n\r\ncontent=",
    "an upload without an end": f"POST {SEND_AT} HTTP/1.1\r\n{FORM}Transfer-Encoding: chunked\r\n\r\n2\r\na=\r\n",
    "going away": f"GET /healthz HTTP/1.1\r\n{FORM}Connection: close\r\n\r\n",
    "saying anything": "",
}


@pytest.fixture(scope="module")
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installation = _embedded(request, tmp_path_factory.mktemp("slow"))
    yield installation.start()
    installation.stop()


@contextmanager
def slow_ones(port: int, beginning: str, number: int = MANY, *, secure: bool = False) -> Iterator[list[socket.socket]]:
    """So many connections that begin so, and send another byte twice a second until the end of the block."""
    with ExitStack() as open_ones:
        held: list[socket.socket] = []
        for _ in range(number):
            link = open_ones.enter_context(socket.create_connection(("127.0.0.1", port), 20))
            held.append(open_ones.enter_context(_unchecked().wrap_socket(link)) if secure else link)
            held[-1].sendall(beginning.encode())
        over = threading.Event()

        def drip() -> None:
            while not over.wait(0.5):
                for link in held:
                    with suppress(OSError):
                        link.send(b"a")

        dripping = threading.Thread(target=drip, daemon=True)
        dripping.start()
        try:
            yield held
        finally:
            over.set()
            dripping.join()


def _unchecked() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # without the machine's certificates, which take long to read
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def worst_answer(person: Person, *paths: str) -> float:
    """Seconds that the slowest of some answers took; all are 200."""
    person.patience = 60
    took = []
    for path in paths * 5:
        began = time.monotonic()
        assert person.get(path, htmx=False)[0] == 200
        took.append(time.monotonic() - began)
    return max(took)


@pytest.mark.parametrize("beginning", SLOW.values(), ids=SLOW)
def test_who_is_slow_keeps_nobody_else_waiting(served: Installation, beginning: str) -> None:
    sam = served.signed_in("sam")
    usual = worst_answer(sam, "/healthz", sam.base, "/store/login")
    with slow_ones(served.port, beginning):
        worst = worst_answer(sam, "/healthz", sam.base, "/store/login")
    # Alone on a machine it takes 0.05 s, and five or more where threads are lost; 260 pages of errors at once take their time.
    assert worst < max(4, 20 * usual), f"{worst:.2f} s, {usual:.2f} s without them"


def test_a_head_and_a_short_body_have_a_deadline(served: Installation) -> None:
    for beginning in (SLOW["a head"], SLOW["a sign-in"]):
        with slow_ones(served.port, beginning, 1) as (link,):
            assert link.recv(4096).startswith(b"HTTP/1.1 408 ")
            assert link.recv(4096) == b""


def test_a_form_that_comes_in_pieces_is_taken(served: Installation) -> None:
    """By somebody on a bad line: head and body in pieces of a few bytes, twice on one connection."""
    page = b"GET /store/login HTTP/1.1\r\nHost: localhost\r\n\r\n"
    form = f"POST /store/login HTTP/1.1\r\n{FORM}Content-Length: 10\r\n\r\nemail=a%40".encode()
    with socket.create_connection(("127.0.0.1", served.port), 20) as link:
        for request, status in ((page, b"200"), (form, b"400")):
            for place in range(0, len(request), 20):
                link.sendall(request[place : place + 20])
                time.sleep(0.02)
            answer = http.client.HTTPResponse(link)
            answer.begin()
            answer.read()
            assert str(answer.status).encode() == status
        link.sendall(page + page)  # at once, without waiting for the first answer
        answers = b""
        while answers.count(b"</html>") < 2:
            answers += (piece := link.recv(64 * 1024))
            assert piece, answers
        assert answers.count(b"HTTP/1.1 200 ") == 2


def upload_of(person: Person, number: int, rest: str = "") -> str:
    """The beginning of an upload of somebody who is signed in."""
    cookie = person._cookie()["Cookie"]
    head = f"POST {person.base}/{number}/messages HTTP/1.1\r\n{FORM}Cookie: {cookie}\r\nX-CSRFToken: {person.token}\r\n"
    return f"{head}Content-Length: 900000\r\n\r\ncontent={rest}"


def test_one_address_has_so_many_uploads_under_way(served: Installation) -> None:
    sam = served.signed_in("sam")
    number = sam.begin(served.cast.cleo, "Hello")
    with slow_ones(served.port, upload_of(sam, number), FROM_ONE_ADDRESS[True] + 5):  # some of them are refused

        def refused() -> bool:
            with slow_ones(served.port, upload_of(sam, number), 1) as (link,):
                link.settimeout(1)
                with suppress(TimeoutError):
                    return bool(re.match(rb"HTTP/1.1 429 [^\0]+Retry-After: \d", link.recv(4096)))
            return False

        wait_for(refused, 20, what="the places to be taken")
    assert sam.send(number, "All have gone") == 303


def test_uploads_that_stall_hold_no_connection_to_the_database(kept: Installation) -> None:
    """There are 26 on SQLite and 32 in a process on PostgreSQL; a message of two words is an upload where files go."""
    sam = kept.signed_in("sam")
    number = sam.begin(kept.cast.cleo, "Hello")
    usual = worst_answer(sam, sam.base)
    short = upload_of(sam, number).replace("900000", "2000")
    with slow_ones(kept.port, upload_of(sam, number), 60), slow_ones(kept.port, short, 80):
        assert worst_answer(sam, sam.base) < max(4, 20 * usual)  # who waits for the pool gets 503 after five


@pytest.mark.timeout(120)
def test_an_upload_that_stalls_is_given_up(served: Installation) -> None:
    sam = served.signed_in("sam")
    number = sam.begin(served.cast.cleo, "Hello")
    with slow_ones(served.port, upload_of(sam, number), 1) as (link,):
        link.settimeout(60)
        assert link.recv(4096).startswith(b"HTTP/1.1 408 ")


def test_slow_uploads_behind_nginx_keep_nobody_waiting(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    nginx.need()
    (tmp_path / "app").mkdir()
    installation = _embedded(request, tmp_path / "app", proxies=1).start()
    try:
        with nginx.running(tmp_path / "nginx", [installation.port], tmp_path) as port:
            for beginning in (SLOW["an upload"], SLOW["an upload to the API"], SLOW["a sign-in"]):
                with slow_ones(port, beginning, secure=True):
                    assert worst_answer(Person(installation.port), "/healthz", "/store/login") < 5
                    for path in ("/healthz", "/store/login"):
                        link = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=_unchecked())
                        link.request("GET", path)
                        assert link.getresponse().status == 200
                        link.close()
    finally:
        installation.stop()
