"""The worker: sends the mail that is due and clears storage of strays.

huey says when; what is to be done stands in the database, so a task that is lost is done at the next round. A round
comes every minute; a mail that is due before the next one gets a round of its own, and a message may ask for one
through the bus. An embedded installation runs the worker in its one process, a scaled one as `flask --app wsgi worker`
(several do not get in each other's way).
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from datetime import datetime, timedelta
from types import FrameType

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from huey import MemoryHuey, crontab
from huey.consumer import Consumer
from sqlalchemy.exc import SQLAlchemyError

from messaging_app.db.engine import now
from messaging_app.extensions import db
from messaging_app.files import sweep_copies
from messaging_app.mail import heartbeat, outbox

STRAY_AFTER = timedelta(hours=1)
BREATH = timedelta(seconds=1)  # at least, between the end of a round and the next one
BEAT_EVERY = 60.0  # seconds
LISTEN = 5.0  # seconds between two looks at whether the worker is to end
STOP_WITHIN = 4  # seconds for a mail that is just being sent
logger = logging.getLogger(__name__)


class Worker(Consumer):
    """huey's consumer with one thread for tasks and one for the clock, which leaves signals to its process."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self._beaten = time.monotonic()
        self._planned: datetime | None = None  # when the next round of its own comes
        huey = MemoryHuey("messaging", results=False)
        super().__init__(huey, workers=1, worker_type="thread", max_delay=1, shutdown_timeout=STOP_WITHIN)
        self.sweep = huey.task()(self._sweep)
        huey.periodic_task(crontab())(self._sweep_each_minute)
        huey.periodic_task(crontab(minute="17"))(self._clear_storage)
        self._listener = threading.Thread(target=self._listen, name="worker-listener", daemon=True)

    def start(self) -> None:
        """Begin; the first round comes at once, for what fell due while nobody worked."""
        logging.getLogger("huey").setLevel(logging.WARNING)
        super().start()
        self._listener.start()
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
            except SQLAlchemyError as error:
                db.session.rollback()
                logger.warning("mail waits for the database: %s", error)
                return
        if following is not None and following - now() < outbox.SOON:
            self._plan(max(following, now() + BREATH))

    def _goes_on(self) -> bool:
        """Whether to send another mail. A round with a slow server takes long, and the worker lives all the while."""
        if time.monotonic() - self._beaten > BEAT_EVERY:
            heartbeat.beat()
            self._beaten = time.monotonic()
        return not self.stop_flag.is_set()

    def _plan(self, at: datetime) -> None:
        """Have a round at `at`, unless one comes before, which looks itself for what is due next: where each round
        brought another, those of every minute and of every message would go on side by side for ever.
        """
        if self._planned is None or at < self._planned:
            self._planned = at
            self.sweep.schedule(delay=(at - now()).total_seconds())

    def _sweep_each_minute(self) -> None:
        self._sweep()

    def _clear_storage(self) -> None:
        removed = sweep_copies(STRAY_AFTER) + self.app.extensions["storage"].sweep(STRAY_AFTER)
        if removed:
            logger.info("%s strays of killed uploads were removed", removed)

    def _listen(self) -> None:
        """Messages whose mail is due sooner than the next round say so on the bus."""
        with self.app.app_context():
            heard = outbox.listen()
        while heard is not None and not self.stop_flag.is_set():
            if heard.next(LISTEN):
                self._plan(now() + timedelta(seconds=self.app.extensions["settings"].mail_delay))


def start_beside(app: Flask) -> Worker:
    """Run the worker in threads of this process, which serves pages as well."""
    worker = Worker(app)
    worker.start()
    return worker


@click.command()
@with_appcontext
def worker() -> None:
    """Send mail and keep storage clean until stopped: the process beside the web processes of a scaled installation."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
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
