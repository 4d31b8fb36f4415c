"""nginx with the configuration of deploy/, its addresses and paths replaced by those of a test."""

from __future__ import annotations

import grp
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.services import ROOT, answers, die_with_parent, free_port, wait_for

PROGRAM = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


def need() -> str:
    """The program; skips the test where there is none."""
    if PROGRAM is None or shutil.which("openssl") is None:
        pytest.skip("no nginx or openssl; install them (apt-get install nginx-light openssl)")
    return PROGRAM


def configuration(folder: Path, applications: Sequence[int], uploads: Path) -> tuple[str, int]:
    """The text of deploy/nginx.conf for `folder`, and the port at which it serves https."""
    secure, plain = free_port(), free_port()
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    for old, new in {
        "server web:8000 max_fails=3 fail_timeout=2s;": " ".join(
            f"server 127.0.0.1:{port} max_fails=3 fail_timeout=2s;" for port in applications
        ),
        "listen 443 ": f"listen 127.0.0.1:{secure} ",
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "/etc/nginx/tls/": f"{folder}/",
        "/run/nginx.pid": f"{folder}/pid",
        "/tmp/nginx-": f"{folder}/",
        "/dev/stdout": f"{folder}/access",
        "/var/lib/messaging/uploads/": f"{uploads}/",
        "error_log stderr": f"error_log {folder}/error",
    }.items():
        assert old in text, old
        text = text.replace(old, new)
    # As in deploy/: another user than the application's, who may read its files by their group and no more.
    return (f"user nobody {grp.getgrgid(os.getegid()).gr_name};\n" if os.geteuid() == 0 else "") + text, secure


@contextmanager
def running(folder: Path, applications: Sequence[int], uploads: Path) -> Iterator[int]:
    """nginx before one application or several; gives its https port."""
    program = need()
    folder.mkdir()
    certificate = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    certificate += ["-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")]
    certificate += ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(certificate, check=True, capture_output=True)
    text, port = configuration(folder, applications, uploads)
    (folder / "nginx.conf").write_text(text)
    command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, preexec_fn=die_with_parent)
    try:
        wait_for(lambda: process.poll() is not None or answers(port), 10, what="nginx to start")
        assert process.poll() is None, process.stderr and process.stderr.read().decode()
        yield port
    finally:
        process.terminate()
        process.wait(10)


def leave_out(folder: Path, application: int) -> None:
    """Send nothing more to one application, as before it is stopped: marked down, and nginx reloaded."""
    file, line = folder / "nginx.conf", f"server 127.0.0.1:{application} "
    assert line in file.read_text()
    file.write_text(file.read_text().replace(line, f"{line}down "))
    subprocess.run([need(), "-p", str(folder), "-c", str(file), "-s", "reload"], check=True, capture_output=True)
