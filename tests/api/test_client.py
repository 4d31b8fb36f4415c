"""A client in another language is generated from the document, and a program written against it compiles."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from messaging_app.api import openapi

HERE = Path(__file__).parent / "client"


@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_typescript_client_is_generated_and_compiles(tmp_path: Path) -> None:
    npm = shutil.which("npm")
    if not npm or not shutil.which("node"):
        pytest.skip("no Node; the TypeScript client is not generated")
    for file in HERE.iterdir():
        if file.is_file():
            shutil.copy(file, tmp_path)
    (tmp_path / "openapi.json").write_text(openapi.text())

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=180)

    installed = run(npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts")
    if installed.returncode:
        pytest.skip(f"npm cannot fetch the generator: {installed.stderr.strip()[-200:]}")
    tools = tmp_path / "node_modules" / ".bin"
    made = run(str(tools / "openapi-typescript"), "openapi.json", "--output", "messages.d.ts")
    assert made.returncode == 0, made.stdout + made.stderr
    assert "ConversationDetailResponse" in (tmp_path / "messages.d.ts").read_text()
    options = [
        "--noEmit",
        "--strict",
        "--target",
        "es2022",
        "--module",
        "esnext",
        "--moduleResolution",
        "bundler",
        "--lib",
        "es2022,dom",
    ]
    # What was generated is checked whether the program uses it or not; what TypeScript brings along is not.
    checks = ["--skipLibCheck", "false", "--skipDefaultLibCheck", "true"]
    compiled = run(str(tools / "tsc"), *options, *checks, "walk.ts")
    assert compiled.returncode == 0, compiled.stdout + compiled.stderr
