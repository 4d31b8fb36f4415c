"""Faults, tried: eight people write while application, worker and database are killed at random; then all is counted.

    python -m bench.faults --rounds 100              on PostgreSQL (fsync on) and on SQLite

Each round kills one part with SIGKILL, together with all its processes, and starts it again. Every writer sends numbered
messages, some with a file, repeats each under its key until it is acknowledged, and remembers what was. At the end every
acknowledged message must be there exactly once with its file byte for byte, whatever else is there must be whole, and
the doctor must find nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import itertools
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from bench.databases import DurablePostgres
from messaging_app import doctor
from messaging_app.models import Message, MessageAttachment
from tests.live.installation import Installation, Person
from tests.services import MailServer, die_with_parent, migrate, running_redis, wait_for

WRITERS = 8
BETWEEN = (0.4, 1.5)  # seconds in which everybody writes before the next kill


@dataclass
class Outcome:
    """The result of a run. `faults` are sentences; an empty list means success."""

    database: str
    rounds: int
    kills: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    with_file: int = 0
    retried: int = 0
    slowest: float = 0.0
    mails: int = 0
    repeated_mails: int = 0
    faults: list[str] = field(default_factory=list)


class KillablePostgres(DurablePostgres):
    """A PostgreSQL that is killed with all of its processes and restarted on the same data."""

    def kill(self) -> None:
        """SIGKILL to the server and all its processes."""
        assert self.process is not None
        below = self.tell(signal.SIGKILL)
        self.process.wait()
        wait_for(lambda: all(map(_is_gone, below)), 10, what="PostgreSQL to be gone")

    def tell(self, number: signal.Signals) -> list[str]:
        """Tell the server and all its processes; gives the latter."""
        assert self.process is not None
        pid = self.process.pid
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for one in (pid, *map(int, below)):
            with suppress(ProcessLookupError):
                os.kill(one, number)
        return below

    def restart(self) -> None:
        """Start on the remaining data; PostgreSQL recovers by itself."""
        data = self.folder / "data"
        (data / "postmaster.pid").unlink(missing_ok=True)
        settings = [part for setting in self.SETTINGS for part in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", data, "-k", data, *settings],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, preexec_fn=die_with_parent,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}, **self.user,
            )  # fmt: skip
        wait_for(self._ready, 60, what="PostgreSQL to recover")


def _is_gone(pid: str) -> bool:
    """Whether a process has ended, even as a zombie: after its parent was killed, init may not have reaped it yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except OSError:
        return True


class Writer(threading.Thread):
    """A user who writes until stopped, retrying each message until it is acknowledged."""

    def __init__(self, installation: Installation, name: str, number: int, conversation: int, stop: threading.Event):
        super().__init__(daemon=True)
        self.person = Person(installation.port)
        self.sign_in(name)
        self.number, self.conversation, self.stop_writing = number, conversation, stop
        self.acknowledged: dict[str, str | None] = {}  # words -> SHA-256 of the file, if any
        self.retried = 0
        self.slowest = 0.0

    def sign_in(self, name: str) -> None:
        """Before the first fault; a session outlives them all."""
        self.person.sign_in("storefront" if name in ("cleo", "omar") else "store", name)

    def run(self) -> None:
        for turn in itertools.count():
            if self.stop_writing.is_set():
                return
            words = f"w{self.number}-{turn}"
            content = random.randbytes(2_000).hex().encode() if turn % 3 == 0 else None
            started = time.monotonic()
            while not self._send(words, content):
                self.retried += 1
                time.sleep(0.05)
            self.slowest = max(self.slowest, time.monotonic() - started)
            self.acknowledged[words] = hashlib.sha256(content).hexdigest() if content else None

    def _send(self, words: str, content: bytes | None) -> bool:
        """One attempt; True only for an acknowledgement."""
        fields = {"csrf_token": self.person.token, "content": words, "idempotency_key": f"key-{words}"}
        body = "".join(f'--b\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items())
        file = b""
        if content is not None:
            head = '--b\r\nContent-Disposition: form-data; name="attachments"; filename="f.txt"\r\nContent-Type: text/plain\r\n\r\n'
            file = head.encode() + content + b"\r\n"
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        path = f"{self.person.base}/{self.conversation}/messages"
        try:
            status, _text = self.person._ask("POST", path, body.encode() + file + b"--b--\r\n", headers)  # type: ignore[arg-type]
        except (OSError, http.client.HTTPException):
            return False
        return status == 303


def run(kind: str, rounds: int, folder: Path, seed: int = 0, mail: bool = True) -> Outcome:
    """`rounds` faults on `kind`, `postgresql` or `sqlite`, then the reckoning."""
    outcome, chance = Outcome(kind, rounds), random.Random(seed)
    with ExitStack() as stack:
        post = MailServer() if mail else None
        if post is not None:
            stack.callback(post.controller.stop)
        settings: dict[str, Any] = {}
        if post is not None:
            settings |= {
                "mail_url": post.url,
                "mail_from": "no-reply@messages.example",
                "mail_delay": 0,
                "mail_window": 1,
            }
        database = None
        if kind == "postgresql":
            database = KillablePostgres()
            stack.callback(database.stop)
            url = database.url(database.migrated())
            installation = Installation(folder, url, stack.enter_context(running_redis()), **settings)
        else:
            url = f"sqlite:///{folder / 'messaging.db'}"
            migrate(url)
            installation = Installation(folder, url, None, **settings)
        stack.callback(installation.stop)
        installation.start()
        parts = ["application", *(["worker", "database"] if database else [])]
        order: list[str] = []
        writers = _writers(installation)
        for number in range(rounds):
            time.sleep(chance.uniform(*BETWEEN))
            order = order or chance.sample(parts, len(parts))  # at random, but none is left out
            part = order.pop()
            outcome.kills[part] += 1
            _strike(part, installation, database)
            if (number + 1) % 10 == 0:
                print(f"{kind}: round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        time.sleep(1)
        writers[0].stop_writing.set()
        for writer in writers:
            writer.join(60)
            if writer.is_alive():
                outcome.faults.append(f"writer {writer.number} still waits for an acknowledgement")
        time.sleep(2 if post is not None else 0)
        _reckon(outcome, installation, writers)
        if post is not None:
            ids = Counter(str(message["Message-ID"]) for message in post.messages)
            outcome.mails, outcome.repeated_mails = len(ids), sum(ids.values()) - len(ids)
            if not ids:
                outcome.faults.append("no mail came")
    return outcome


def _writers(installation: Installation) -> list[Writer]:
    sam = Person(installation.port)
    sam.sign_in("store", "sam")
    people = installation.cast
    numbers = [sam.begin(customer, "We begin.") for customer in (people.cleo, people.omar, people.cleo)]
    stop = threading.Event()
    # Two at a time in one conversation, colleagues and both sides, so that numbers and counters are contended for.
    places = [("sam", 0), ("nadia", 0), ("cleo", 0), ("sam", 1), ("lea", 1), ("omar", 1), ("nadia", 2), ("cleo", 2)]
    writers = [Writer(installation, name, n, numbers[place], stop) for n, (name, place) in enumerate(places[:WRITERS])]
    for writer in writers:
        writer.start()
    return writers


def _strike(part: str, installation: Installation, database: KillablePostgres | None) -> None:
    """Kill `part` and start it again."""
    if part == "database" and database is not None:
        database.kill()
        database.restart()
    elif part == "worker" and installation.worker is not None:
        os.killpg(installation.worker.pid, signal.SIGKILL)
        installation.worker.wait()
        installation.start_worker()
    else:
        assert installation.web is not None
        os.killpg(installation.web.pid, signal.SIGKILL)
        installation.web.wait()
        installation.web = installation._run("gunicorn", "-c", "python:messaging_app.gunicorn_conf", "wsgi:app")
        wait_for(installation._answers, 30, what="the application to answer again")


def _reckon(outcome: Outcome, installation: Installation, writers: list[Writer]) -> None:
    """Compare the acknowledged messages with the stored ones."""
    storage = installation.app.extensions["storage"]
    with installation.database() as session:
        rows = session.execute(select(Message.id, Message.content)).all()
        found = Counter(row.content for row in rows)
        words = {row.id: row.content for row in rows}
        files: dict[str, str] = {}
        for file in session.execute(select(MessageAttachment.message_id, MessageAttachment.key)):
            with_bytes = hashlib.sha256(b"".join(storage.open(file.key))).hexdigest()
            files[words[file.message_id]] = with_bytes
        session.rollback()
        report = doctor.examine()
    outcome.faults += [line for line in report.lines if not line.startswith("ok")]
    outcome.faults += [
        f"{content} is there {count} times" for content, count in found.items() if content.startswith("w") and count > 1
    ]
    for writer in writers:
        outcome.sent += len(writer.acknowledged)
        outcome.with_file += sum(digest is not None for digest in writer.acknowledged.values())
        outcome.retried += writer.retried
        outcome.slowest = max(outcome.slowest, writer.slowest)
        for content, digest in writer.acknowledged.items():
            if found[content] != 1:
                outcome.faults.append(f"{content} was acknowledged and is there {found[content]} times")
            elif files.get(content) != digest:
                outcome.faults.append(f"the file of {content} is not what was sent")


def table(outcomes: list[Outcome]) -> str:
    """The outcomes as a Markdown table."""
    lines = [
        "| database | rounds | kills | acknowledged | with file | repeats | longest wait | mails (repeated) | faults |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for one in outcomes:
        kills = ", ".join(f"{count} {part}" for part, count in sorted(one.kills.items()))
        lines.append(
            f"| {one.database} | {one.rounds} | {kills} | {one.sent:,} | {one.with_file:,} | {one.retried:,} | "
            f"{one.slowest:.1f} s | {one.mails:,} ({one.repeated_mails}) | {'; '.join(one.faults) or 'none'} |"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.faults", description="Kill parts at random while people write."
    )
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--database", choices=["postgresql", "sqlite", "both"], default="both")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--output", type=Path, default=Path("bench-results"))
    chosen = parser.parse_args()
    kinds = ["postgresql", "sqlite"] if chosen.database == "both" else [chosen.database]
    outcomes = []
    for kind in kinds:
        with tempfile.TemporaryDirectory(prefix="faults-") as folder:
            outcomes.append(run(kind, chosen.rounds, Path(folder), chosen.seed))
    chosen.output.mkdir(parents=True, exist_ok=True)
    (chosen.output / "faults.md").write_text(f"# Faults, seed {chosen.seed}\n\n{table(outcomes)}")
    print(table(outcomes))
    return 1 if any(one.faults for one in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
