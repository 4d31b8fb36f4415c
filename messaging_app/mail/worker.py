"""The worker: sends due e-mail and messages that could be undone, indexes changed names for search, removes orphaned
files, and runs the doctor when asked.

huey provides the schedule; the work itself is stored in the database, so a lost task is done in the next round. A round
runs every minute. An e-mail that is due earlier gets its own round, and a message can request one through the bus. An
embedded installation runs the worker in its only process; a scaled one runs `flask --app wsgi worker` (several can run
in parallel).
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from types import FrameType

import click
from flask import Flask
from flask.cli import with_appcontext
from flask.globals import app_ctx
from huey import MemoryHuey, crontab
from huey.consumer import Consumer
from sqlalchemy.exc import SQLAlchemyError

from messaging_app.db.engine import now
from messaging_app.doctor import runs
from messaging_app.extensions import db
from messaging_app.files import sweep_copies
from messaging_app.mail import account, heartbeat, outbox
from messaging_app.search import indexing
from messaging_app.services import delayed, undo

STRAY_AFTER = timedelta(hours=1)
BREATH = timedelta(seconds=1)  # minimum pause between rounds
BEAT_EVERY = 60.0  # seconds
LISTEN = 5.0  # seconds between checks for shutdown
STOP_WITHIN = 4  # seconds to finish an e-mail in progress
logger = logging.getLogger(__name__)


class Worker(Consumer):
    """huey's consumer with one task thread and one scheduler thread. It installs no signal handlers."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self._beaten = time.monotonic()
        self._planned: datetime | None = None  # when the next extra round runs
        self._apart: dict[str, threading.Thread] = {}  # the newest thread of each job
        huey = MemoryHuey("messaging", results=False)
        super().__init__(huey, workers=1, worker_type="thread", max_delay=1, shutdown_timeout=STOP_WITHIN)
        self.sweep = huey.task()(self._sweep)
        huey.periodic_task(crontab())(self._sweep_each_minute)
        huey.periodic_task(crontab(minute="17"))(self._clear_storage)
        self._woken = threading.Event()  # a delayed message is due before the next planned sweep
        self._sender = threading.Thread(target=self._send_delayed, name="worker-sender", daemon=True)
        self._listener = threading.Thread(target=self._listen, name="worker-listener", daemon=True)

    def start(self) -> None:
        """Start. The first sweep runs at once, because mail may have become due while no worker ran."""
        logging.getLogger("huey").setLevel(logging.WARNING)
        super().start()
        self._listener.start()
        self._sender.start()
        self.sweep()

    def _set_signal_handlers(self) -> None:
        pass

    def _sweep(self) -> None:
        if self._planned is not None and self._planned <= now():
            self._planned = None
        with self.app.app_context():
            try:
                sent = outbox.sweep(keep_going=self._goes_on)
                if sent:
                    logger.info("%s mails went out", sent)
                following = outbox.next_due()
                heartbeat.beat()
                self._run_apart("index", self._index)
                if runs.is_asked():
                    self._run_apart("doctor", self._examine)
                db.session.rollback()
            except SQLAlchemyError as error:
                db.session.rollback()
                logger.warning("mail waits for the database: %s", error)
                return
        if following is not None and following - now() < outbox.SOON:
            self._plan(max(following, now() + BREATH))

    def _run_apart(self, name: str, job: Callable[[], None]) -> None:
        """Run a job in a thread of its own, once at a time: in a large database it takes minutes, and e-mail must not wait."""
        if name not in self._apart or not self._apart[name].is_alive():
            self._apart[name] = threading.Thread(target=job, name=f"worker-{name}", daemon=True)
            self._apart[name].start()

    def _index(self) -> None:
        with self.app.app_context():
            try:
                indexing.run(db.session, lambda: not self.stop_flag.is_set())
            except SQLAlchemyError as error:
                db.session.rollback()
                logger.warning("the search index waits for the database: %s", error)

    def _examine(self) -> None:
        with self.app.app_context():
            while not self.stop_flag.is_set() and runs.run_asked():
                pass

    def _goes_on(self) -> bool:
        """Whether to send another e-mail. Also sends the heartbeat, because a round with a slow server takes long."""
        if time.monotonic() - self._beaten > BEAT_EVERY:
            heartbeat.beat()
            self._beaten = time.monotonic()
        return not self.stop_flag.is_set()

    def _plan(self, at: datetime) -> None:
        """Schedule a round at `at` unless an earlier one is planned.

        An earlier round schedules the next one itself. If every round always added one, the extra rounds would
        multiply.
        """
        if self._planned is None or at < self._planned:
            self._planned = at
            self.sweep.schedule(delay=(at - now()).total_seconds())

    def _send_delayed(self) -> None:
        """Send what waited for an undo, in a thread of its own: a slow mail server must not hold it up."""
        while not self.stop_flag.is_set():
            with self.app.app_context():
                try:
                    following = delayed.sweep(keep_going=lambda: not self.stop_flag.is_set())
                except Exception as error:  # keep the thread alive: nothing would restart it
                    db.session.rollback()
                    logger.warning("delayed messages wait: %s", error)
                    following = None
            left = (following - now()).total_seconds() if following else LISTEN
            self._woken.wait(min(left, LISTEN) if left > 0 else BREATH.total_seconds())
            self._woken.clear()

    def _sweep_each_minute(self) -> None:
        self._sweep()

    def _clear_storage(self) -> None:
        with self.app.app_context():
            delayed.forget_settled()
        removed = sweep_copies(STRAY_AFTER) + self.app.extensions["storage"].sweep(STRAY_AFTER)
        if removed:
            logger.info("%s orphaned files of interrupted uploads were removed", removed)

    def _listen(self) -> None:
        """Watch the bus for work that is due before the next sweep."""
        with self.app.app_context():
            heard = outbox.listen()
        while heard is not None and not self.stop_flag.is_set():
            if (told := heard.next(LISTEN)) is None:
                continue
            if told.event.kind == undo.WAKE:
                self._woken.set()
            else:
                waits = 0 if told.event.kind == account.AT_ONCE else self.app.extensions["settings"].mail_delay
                self._plan(now() + timedelta(seconds=waits))


def start_beside(app: Flask) -> Worker:
    """Run the worker in threads of this process, which also serves pages."""
    worker = Worker(app)
    worker.start()
    return worker


@click.command()
@with_appcontext
def worker() -> None:
    """Send mail and keep storage clean until stopped: the process beside the web processes of a scaled installation."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    app = app_ctx.app
    if app.extensions["settings"].mail_url is None:
        click.echo("Mail is off: MESSAGING_MAIL_URL is not set.", err=True)
    running = Worker(app)

    def end(_number: int, _frame: FrameType | None) -> None:
        running.stop_flag.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    running.start()
    click.echo("The worker is running.", err=True)
    running.stop_flag.wait()
    running.stop(graceful=True)


def init_app(app: Flask) -> None:
    """Register the command."""
    app.cli.add_command(worker)
