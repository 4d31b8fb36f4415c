"""Third-party files that browsers load, pinned by hash: `python -m messaging_app.ops.vendor --check | --fetch`.

`--check` works offline: it compares the committed files with the hashes below and lists what is missing, changed or
unlisted. `--fetch` downloads each package with the npm client (or https without it), verifies it against the integrity
that the registry published when it was pinned, and writes the files. To upgrade, change a row here and run `--fetch`.
"""

import argparse
import base64
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from pathlib import Path
from shutil import which
from typing import NamedTuple

from messaging_app.paths import resource


class Package(NamedTuple):
    """One npm package: its folder here, its tarball's integrity, and the SHA-256 of its files by path."""

    folder: str
    name: str
    version: str
    integrity: str
    files: dict[str, str]


PACKAGES = (
    Package(
        folder="static/vendor/htmx",
        name="htmx.org",
        version="4.0.1",
        integrity="sha512-oF7JgXhDW9UXCy/k1ZYFUQgzu/rm19ORWPSPNL91vPluB2PB9+MV55tyQdH/w7o2EAbTYUG5SDW1R60mdkdqGg==",
        files={
            "dist/htmx.min.js": "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
            "dist/ext/hx-sse.min.js": "18ef2761356ec1fe0bb6d92612315b37517a7c1e9856b661c5ae81fef239d103",
            "LICENSE": "d3d2456f76414f2456104660ebd65aff1c04cd7966b942bdabd63f3cdb316a38",
        },
    ),
    Package(
        folder="tests/vendor/axe-core",  # for accessibility tests; no page loads it
        name="axe-core",
        version="4.14.1",
        integrity="sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
        files={
            "axe.min.js": "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c",
            "LICENSE": "af175b9d96ee93c21a036152e1b905b0b95304d4ae8c2c921c7609100ba8df7e",
            "LICENSE-3RD-PARTY.txt": "4f8563870d0fca38bbc3e00b6f670cb7fa9f380ba9f26a7f7d1184a6b18b1653",
        },
    ),
)


def faults(root: Path) -> list[str]:
    """Return the faults in the vendored files of the checkout or installation `root`, a sentence each."""
    here = [p for p in PACKAGES if (root / p.folder.partition("/")[0]).is_dir()]  # an installation contains no tests
    pinned = {root / p.folder / Path(name).name: digest for p in here for name, digest in p.files.items()}
    found = {path for p in here for path in (root / p.folder).parent.rglob("*") if path.is_file()}
    said = [f"{path} is missing" for path in pinned.keys() - found]
    said += [f"{path} is not listed in messaging_app/ops/vendor.py" for path in found - pinned.keys()]
    said += [
        f"{path} differs from its pinned hash"
        for path in pinned.keys() & found
        if hashlib.sha256(path.read_bytes()).hexdigest() != pinned[path]
    ]
    return sorted(said)


def download(package: Package) -> bytes:
    """Return the package's tarball, verified. Raises SystemExit if its integrity differs."""
    if npm := which("npm"):
        with tempfile.TemporaryDirectory() as folder:
            command = [npm, "pack", "--silent", "--ignore-scripts", f"{package.name}@{package.version}"]
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
            tarball = next(Path(folder).glob("*.tgz")).read_bytes()
    else:
        registry = os.environ.get("NPM_CONFIG_REGISTRY", "https://registry.npmjs.org").rstrip("/")
        file = f"{package.name.rpartition('/')[2]}-{package.version}.tgz"
        with urllib.request.urlopen(f"{registry}/{package.name}/-/{file}", timeout=60) as answer:  # noqa: S310 (fixed)
            tarball = answer.read()
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode()
    if integrity != package.integrity:
        raise SystemExit(f"{package.name} {package.version} has integrity {integrity}, not {package.integrity}")
    return tarball


def fetch(root: Path) -> None:
    for package in PACKAGES:
        (root / package.folder).mkdir(parents=True, exist_ok=True)
        with tarfile.open(fileobj=io.BytesIO(download(package))) as archive:
            for name in package.files:
                member = archive.extractfile(f"package/{name}")
                assert member is not None, f"{name} is no file in {package.name}"
                (root / package.folder / Path(name).name).write_bytes(member.read())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m messaging_app.ops.vendor", description="Pinned browser files.")
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--check", action="store_true", help="compare the committed files with the pinned hashes")
    choice.add_argument("--fetch", action="store_true", help="download, verify and write them, then check")
    root = resource("static").parent
    if parser.parse_args().fetch:
        fetch(root)
    said = faults(root)
    print("\n".join(said) or f"{sum(len(p.files) for p in PACKAGES)} vendored files are as pinned", file=sys.stderr)
    return bool(said)


if __name__ == "__main__":
    sys.exit(main())
