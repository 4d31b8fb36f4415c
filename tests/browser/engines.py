"""Firefox ESR and WebKitGTK as Debian packages them, behind the few things that a journey does with a window.

WebKit is driven through WebDriver by Selenium. Firefox speaks Marionette: the same commands, which geckodriver translates where
there is one; Debian has none, and the packaged client (marionette-driver) needs a module that Python 3.13 no longer has.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.webkitgtk.options import Options
from selenium.webdriver.webkitgtk.service import Service

from tests.services import wait_for

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element in an answer
SHOWN = "return [...document.querySelectorAll(arguments[0])].find((e) => e.getClientRects().length)"
HOLDS = (
    "return [...document.querySelectorAll(arguments[0])].some((e) => (e.value ?? e.textContent).includes(arguments[1]))"
)


class Window:
    """A window on the site at `base`. Elements are found by CSS selectors and waited for."""

    def __init__(self, driver: Any, base: str) -> None:
        self.driver, self.base = driver, base

    def open(self, path: str) -> None:
        """Go to an address of the site."""
        self.driver.get(self.base + path)

    def run(self, script: str, *values: object) -> Any:
        """What a script in the page returns."""
        return self.driver.execute_script(script, *values)

    def back(self) -> None:
        """Press the browser's Back button."""
        self.driver.back()

    def forward(self) -> None:
        """Press the browser's Forward button."""
        self.driver.forward()

    def screenshot(self, path: Path) -> None:
        """Keep what is seen."""
        path.write_bytes(self.driver.get_screenshot_as_png())

    def until(self, script: str, *values: object) -> Any:
        """Wait until a script in the page returns something true."""
        return wait_for(lambda: self.run(script, *values), seconds=30, every=0.1, what=f"{script} {values}")

    def click(self, selector: str) -> None:
        """Click the first shown element."""
        self.until(SHOWN, selector).click()

    def type(self, selector: str, text: str) -> None:
        """Type into the first shown element."""
        self.until(SHOWN, selector).send_keys(text)

    def attach(self, selector: str, path: Path) -> None:
        """Choose a file in a field, shown or not."""
        self.driver.find_element(By.CSS_SELECTOR, selector).send_keys(str(path))

    def shows(self, selector: str, text: str) -> None:
        """Wait until the text or value of one of the elements holds `text`."""
        self.until(HOLDS, selector, text)


class Marionette:
    """Firefox at the port of its Marionette: messages are JSON behind their length, each command has a number."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.stream = self.socket.makefile("rb")
        self.number = 0
        self._read()
        self("WebDriver:NewSession", acceptInsecureCerts=False)

    def __call__(self, command: str, **parameters: Any) -> Any:
        """What Firefox answers to a command."""
        self.number += 1
        message = json.dumps([0, self.number, command, parameters])
        self.socket.sendall(f"{len(message.encode())}:{message}".encode())
        _kind, _number, error, result = self._read()
        assert not error, error
        return result

    def _read(self) -> Any:
        length = b""
        while (byte := self.stream.read(1)) != b":":
            assert byte, "Firefox has gone"
            length += byte
        return json.loads(self.stream.read(int(length)))


class FirefoxWindow(Window):
    """The same by Marionette's names."""

    def open(self, path: str) -> None:
        self.driver("WebDriver:Navigate", url=self.base + path)

    def run(self, script: str, *values: object) -> Any:
        return self.driver("WebDriver:ExecuteScript", script=script, args=values, sandbox=None)["value"]

    def back(self) -> None:
        self.driver("WebDriver:Back")

    def forward(self) -> None:
        self.driver("WebDriver:Forward")

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.driver("WebDriver:TakeScreenshot", full=False)["value"]))

    def click(self, selector: str) -> None:
        self.driver("WebDriver:ElementClick", id=self.until(SHOWN, selector)[ELEMENT])

    def type(self, selector: str, text: str) -> None:
        self.driver("WebDriver:ElementSendKeys", id=self.until(SHOWN, selector)[ELEMENT], text=text)

    def attach(self, selector: str, path: Path) -> None:
        found = self.run("return document.querySelector(arguments[0])", selector)
        self.driver("WebDriver:ElementSendKeys", id=found[ELEMENT], text=str(path))


@contextmanager
def firefox(base: str) -> Iterator[Window]:
    """A window of Firefox ESR."""
    program = shutil.which("firefox-esr")
    if program is None:
        pytest.skip("no Firefox ESR; install it (apt-get install firefox-esr)")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        Path(profile, "user.js").write_text('user_pref("marionette.port", 0);\n')
        told = Path(profile, "MarionetteActivePort")
        command = [program, "--headless", "--marionette", "--profile", profile, "--width", "1280", "--height", "800"]
        browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: told.exists() and told.read_text(), seconds=60, every=0.1, what="Firefox")
            yield FirefoxWindow(Marionette(int(told.read_text())), base)
        finally:
            browser.terminate()
            browser.wait()


@contextmanager
def webkit(base: str) -> Iterator[Window]:
    """A window of WebKitGTK's MiniBrowser, which needs a display: one that nobody looks at."""
    browser = next(iter(sorted(Path("/usr/lib").glob("*/webkit2gtk-4.1/MiniBrowser"))), None)
    if not browser or not shutil.which("WebKitWebDriver") or not shutil.which("Xvfb"):
        pytest.skip("no WebKitGTK; install it (apt-get install webkit2gtk-driver xvfb)")
    options = Options()
    options.binary_location = str(browser)
    options.add_argument("--automation")
    with display() as name:
        service = Service(shutil.which("WebKitWebDriver"), env=os.environ | {"DISPLAY": name})
        driver = webdriver.WebKitGTK(options=options, service=service)
        driver.set_window_size(1280, 800)
        try:
            yield Window(driver, base)
        finally:
            driver.quit()


@contextmanager
def display() -> Iterator[str]:
    """A display of its own, on a number that Xvfb chooses."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1400x900x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with open(read) as told:
            yield f":{told.readline().strip()}"
    finally:
        server.terminate()
        server.wait()
