"""Sam at the bakery's pages and his program, writing to Cleo; both doors through which files come."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from messaging_app import doctor
from messaging_app.accounts import tokens
from messaging_app.services.settings import set_settings
from tests.attachments.multipart import HEADERS, Form
from tests.conftest import Browser, Web
from tests.world import kept_web


class Doors:
    """A web with Sam's conversation with Cleo; files come by `page` and by `api`, and Cleo fetches them by both."""

    def __init__(self, web: Web, number: int) -> None:
        self.web, self.number = web, number
        self.sam, self.cleo = web.signed_in("sam"), web.signed_in("cleo")
        sam, cleo = web.cast.sam, web.cast.cleo
        with web.app.app_context():
            self.tokens = {who.name: tokens.create_token(who.type, who.id, who.store_id, "test") for who in (sam, cleo)}
        self.programs = web.app.test_client()

    @property
    def root(self) -> Path:
        """The folder of the stored files."""
        root: Path = self.web.app.extensions["storage"].root
        return root

    def page(self, form: Form, who: Browser | None = None, *, htmx: bool = True) -> TestResponse:
        """Send `form` as the composer does."""
        browser = who or self.sam
        form.text(csrf_token=browser.token)
        headers = HEADERS | ({"HX-Request": "true"} if htmx else {})
        return browser.client.post(f"/store/messages/{self.number}/messages", data=form.body, headers=headers)

    def api(self, form: Form) -> TestResponse:
        """Send `form` as a program does."""
        headers = HEADERS | self.bearer("Sam")
        return self.programs.post(f"/api/v1/store/messages/{self.number}/messages", data=form.body, headers=headers)

    def bearer(self, name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[name]}"}

    def fetch(self, number: int, *, by_api: bool = False, method: str = "GET", **headers: str) -> TestResponse:
        """A file as Cleo gets it."""
        if by_api:
            address = f"/api/v1/storefront/messages/{self.number}/attachments/{number}"
            return self.programs.open(address, method=method, headers=self.bearer("Cleo") | headers)
        address = f"/storefront/account/messages/{self.number}/attachments/{number}"
        return self.cleo.client.open(address, method=method, headers=headers)

    def limits(self, **values: int) -> None:
        """Set the platform's limits: `megabytes`, `files`."""
        keys = {"megabytes": "message_attachment_max_size_mb", "files": "message_attachment_max_files"}
        with self.web.app.app_context():
            set_settings(None, {keys[name]: str(value) for name, value in values.items()})

    def stored(self) -> list[Path]:
        """Everything that lies in the folder of files, staged ones too."""
        return sorted(path for path in self.root.rglob("*") if path.is_file()) if self.root.is_dir() else []

    def last_seq(self) -> int:
        answer = self.programs.get(f"/api/v1/store/messages/{self.number}", headers=self.bearer("Sam"))
        return int(answer.json["last_seq"])

    def faults(self) -> list[str]:
        """What the doctor finds."""
        with self.web.app.app_context():
            return [line for line in doctor.examine(repair=False).lines if not line.startswith("ok")]

    def repair(self) -> None:
        """Let the doctor mend what it can."""
        with self.web.app.app_context():
            doctor.examine(repair=True)

    def age(self, seconds: float) -> None:
        """Make every stored and temporary file that much older."""
        for folder in (self.root, Path(tempfile.gettempdir())):
            for path in folder.rglob("*"):
                if path.is_file() and (folder == self.root or path.name.startswith("messaging-upload-")):
                    os.utime(path, (path.stat().st_mtime - seconds,) * 2)


def ids(answer: TestResponse) -> list[int]:
    """The numbers of the attachments in a page's answer."""
    return [int(number) for number in re.findall(r'id="attachment-(\d+)"', answer.text)]


def codes(answer: TestResponse) -> list[str]:
    """The codes of what an API's answer refuses."""
    return [error["code"] for error in answer.get_json(force=True)["errors"]]


@contextmanager
def open_doors(template: Path, folder: Path, **settings: Any) -> Iterator[Doors]:
    """Doors of an application of their own. `template`: a migrated SQLite file."""
    with kept_web(template, folder, **settings) as (web, numbers):
        yield Doors(web, numbers["bakery-cleo"])


@pytest.fixture(scope="module")
def kept_doors(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """One application for a whole module; at its end the doctor finds nothing."""
    with open_doors(migrated_sqlite, tmp_path_factory.mktemp("attachments")) as doors:
        yield doors
        assert doors.faults() == []


@pytest.fixture
def doors(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Doors]:
    """An application for one test."""
    with open_doors(migrated_sqlite, tmp_path) as doors:
        yield doors
