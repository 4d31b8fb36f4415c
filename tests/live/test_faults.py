"""What breaks around us, and what becomes of sends, streams and mail: servers gone, slow or refusing, processes killed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from messaging_app.db.engine import now
from messaging_app.models import Message, Notification, WorkerBeat
from tests.live.installation import MAIL_FROM, Installation, Person
from tests.services import MailServer, free_port, running_redis, wait_for

pytestmark = pytest.mark.long

Install = Callable[..., Installation]
SOON = {"mail_from": MAIL_FROM, "mail_delay": 1, "mail_window": 1}


@contextmanager
def mail_server(port: int) -> Iterator[MailServer]:
    """A mail server that begins now, at a port that was known before."""
    from aiosmtpd.controller import Controller

    server = object.__new__(MailServer)
    server.messages, server.refuse = [], None
    server.controller = Controller(server, hostname="127.0.0.1", port=port, ready_timeout=10)
    server.controller.start()
    try:
        yield server
    finally:
        server.controller.stop()


@contextmanager
def deaf_server(port: int) -> Iterator[None]:
    """Takes connections and never says a word: a mail server or a Redis that hangs."""
    with socket.create_server(("127.0.0.1", port), backlog=100):
        yield


def seconds_to_send(person: Person, number: int, text: str) -> float:
    began = time.monotonic()
    assert person.send(number, text) == 303
    return time.monotonic() - began


def test_mail_waits_for_its_server_and_then_comes_once(install: Install) -> None:
    """Down, then deaf, then refusing; sends stay fast, and every mail arrives once in the end."""
    port = free_port()
    here = install(mail_url=f"smtp://127.0.0.1:{port}", **SOON)
    sam = here.signed_in("sam")
    numbers = [sam.begin(here.cast.cleo, "Hello", f"Down {index}") for index in range(3)]
    time.sleep(3)
    assert seconds_to_send(sam, numbers[0], "while it is down") < 2
    assert here.figure("messaging_mail_waiting") >= 3 and here.figure("messaging_mail_overdue_seconds") > 0
    with here.database() as session:
        session.execute(update(Notification).values(created_at=now() - timedelta(minutes=4)))
        session.commit()
    assert (here.ready()["status"], here.ready()["mail"]) == ("degraded", "late")
    with deaf_server(port):
        time.sleep(2)
        assert seconds_to_send(sam, numbers[0], "while it is deaf") < 2
    with mail_server(port) as server:
        server.refuse = "451 not now"
        wait_for(lambda: refused(here) >= 3, 60, 0.2, "the server to refuse")
        assert seconds_to_send(sam, numbers[0], "while it refuses") < 2
        server.refuse = None
        with here.database() as session:  # as if the pause before the next try were over
            session.execute(update(Notification).values(next_at=now()))
            session.commit()
        assert seconds_to_send(sam, numbers[0], "and now") < 2
        wait_for(lambda: len(server.messages) >= 3, 60, what="the mails that waited")
        time.sleep(2)
        subjects = sorted(mail["Subject"] for mail in server.messages)
        assert subjects == [f"New message: Down {index}" for index in range(3)]
        assert len({mail["Message-ID"] for mail in server.messages}) == 3

    def states() -> list[str]:
        with here.database() as session:
            return list(session.scalars(select(Notification.state)))

    # A message that a waiting mail told of as well is due one of its own, which then has nothing left to say.
    wait_for(lambda: set(states()) <= {"sent", "skipped"}, 30, what="nothing to be due")
    assert states().count("sent") == 3
    # One that was refused meanwhile is tried again after half a minute.
    wait_for(lambda: here.figure("messaging_mail_waiting") == 0, 60, 0.5)
    assert here.ready()["mail"] == "ok"


def refused(here: Installation) -> int:
    with here.database() as session:
        asked = select(func.count()).where(Notification.attempts > 0, Notification.last_error.contains("451"))
        return int(session.scalar(asked))


def test_killing_everything_loses_no_mail_and_no_message(install: Install) -> None:
    """kill -9 right after a send was answered: the message is there and its mail comes after the next start."""
    port = free_port()
    here = install(mail_url=f"smtp://127.0.0.1:{port}", **SOON)
    sam = here.signed_in("sam")
    number = sam.begin(here.cast.cleo, "Hello")
    for index in range(5):
        assert sam.send(number, f"line {index}") == 303
    here.kill()
    with here.database() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == 6
    with mail_server(port) as server:
        here.start()
        wait_for(lambda: server.messages, 30, what="the mail that was due when all was killed")
        time.sleep(2)
        assert len(server.messages) == 1
        assert "and 5 more messages" in server.messages[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_a_stream_comes_back_after_a_restart_and_catches_up(install: Install) -> None:
    here = install()
    sam, cleo = here.signed_in("sam"), here.signed_in("cleo")
    number = sam.begin(here.cast.cleo, "Hello")
    stream = cleo.stream()
    place = stream.last_id()
    here.kill()
    assert stream.ended.wait(5)
    here.start()
    sam.send(number, "meanwhile")
    again = cleo.stream(**{"Last-Event-ID": place})
    again.wait(lambda wake: wake["kind"] == "catch-up" or wake.get("seq") == 2)


def test_stopping_ends_the_streams_at_once(install: Install) -> None:
    here = install()
    streams = [here.signed_in("cleo").stream() for _ in range(5)]
    assert here.web is not None
    here.web.send_signal(signal.SIGTERM)
    for stream in streams:
        assert stream.ended.wait(3)
        stream.close()
    here.web.wait(8)
    here.web = None


@pytest.mark.postgres
@pytest.mark.parametrize("install", ["scaled"], indirect=True)  # the embedded set-up has no Redis
def test_without_redis_sends_go_on_and_streams_recover_by_themselves(install: Install) -> None:
    port = free_port()
    with running_redis(port) as url:
        here = install(redis=url)
        sam, cleo = here.signed_in("sam"), here.signed_in("cleo")
        number = sam.begin(here.cast.cleo, "Hello")
        stream = cleo.stream()
        sam.send(number, "with Redis")
        stream.wait(lambda wake: wake.get("seq") == 2)
    for index in range(5):
        assert seconds_to_send(sam, number, f"without {index}") < 1
    assert (here.ready()["status"], here.ready()["bus"]) == ("degraded", "unreachable")
    assert here.figure("messaging_bus_connected") == 0
    with deaf_server(port):
        assert seconds_to_send(sam, number, "deaf") < 1
        assert not stream.ended.is_set()
    with running_redis(port):
        wait_for(lambda: stream.wakes()[-1]["kind"] == "catch-up" and _hears(sam, number, stream), 20)
        wait_for(lambda: here.figure("messaging_bus_connected") == 1, 20, 0.2)
        assert here.ready()["bus"] == "ok"
    stream.close()


def _hears(sam: Person, number: int, stream: Any) -> bool:
    sam.send(number, "again")
    time.sleep(0.5)
    return stream.wakes()[-1]["kind"] == "message"


@pytest.mark.postgres
@pytest.mark.parametrize("install", ["scaled"], indirect=True)  # the embedded worker lives and dies with the server
def test_a_dead_worker_costs_mail_a_delay_and_nothing_else(install: Install, smtp: MailServer) -> None:
    here = install(mail_url=smtp.url, **SOON)
    assert here.worker is not None
    os.killpg(here.worker.pid, signal.SIGKILL)
    here.worker.wait()
    sam = here.signed_in("sam")
    number = sam.begin(here.cast.cleo, "Hello")
    time.sleep(3)
    assert seconds_to_send(sam, number, "more") < 2
    assert smtp.messages == []
    assert here.figure("messaging_mail_waiting") == 1 and here.figure("messaging_mail_overdue_seconds") > 0
    with here.database() as session:  # as if it were dead for long
        session.execute(update(WorkerBeat).values(at=now() - timedelta(minutes=4)))
        session.commit()
    assert (here.ready()["status"], here.ready()["worker"]) == ("degraded", "late")
    assert time.time() - here.figure("messaging_worker_round_timestamp_seconds") > 200
    here.start_worker()
    wait_for(lambda: smtp.messages, 20)
    wait_for(lambda: here.ready()["worker"] == "ok", 10)
    time.sleep(2)
    assert len(smtp.messages) == 1


def test_killed_while_the_mail_travels_it_is_sent_again_under_the_same_name(install: Install) -> None:
    """The server has the mail and has not yet said so when its sender is killed."""
    port = free_port()
    here = install(mail_url=f"smtp://127.0.0.1:{port}", **SOON)
    taken, release = threading.Event(), threading.Event()
    with mail_server(port) as server:
        take = server.handle_DATA

        async def slow(link: object, session: object, envelope: Any) -> str:
            answer = await take(link, session, envelope)
            taken.set()
            while not release.is_set():
                await asyncio.sleep(0.05)
            return answer

        server.handle_DATA = slow  # type: ignore[method-assign]
        here.signed_in("sam").begin(here.cast.cleo, "Hello")
        assert taken.wait(20)
        here.kill()
        release.set()
        with here.database() as session:
            [note] = session.scalars(select(Notification))
            assert (note.state, note.hand_overs) == ("due", 1) and note.message_id == server.messages[0]["Message-ID"]
            note.next_at = note.created_at  # as if the half hour were over
            session.commit()
        here.start()
        wait_for(lambda: len(server.messages) == 2, 30)
        assert server.messages[0]["Message-ID"] == server.messages[1]["Message-ID"]
        time.sleep(2)
        assert len(server.messages) == 2
