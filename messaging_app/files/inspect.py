"""Whether a file is what its name says, intact and harmless. One entry point; each kind's check is a module here."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from messaging_app.files.archives import check_archive, ends_as_archive
from messaging_app.files.images import check_image
from messaging_app.files.kinds import Kind, kind_of_name
from messaging_app.files.ole import check_ole
from messaging_app.files.ooxml import check_ooxml
from messaging_app.files.pdf import check_pdf
from messaging_app.files.plain_text import check_text
from messaging_app.files.recognise import explain
from messaging_app.files.refusals import FileRefused


def inspect_file(path: Path, name: str, size: int) -> Kind:
    """Return the actual kind of the file at `path`, shown as `name` (from `clean_name`), with `size` bytes.

    Reads at most a few hundred kilobytes at a time; images are decoded in a separate process. For an image the result
    includes its size in pixels and a thumbnail. The caller limits size and number (`check_size`). Raises `FileRefused`;
    `CheckUnavailable` if the machine is too busy to decode an image; `OSError` if it cannot read `path` or start a
    process.
    """
    kind = kind_of_name(name)
    with path.open("rb") as file:
        try:
            if kind is None:
                raise FileRefused("type_not_allowed")
            if size == 0:
                raise FileRefused("empty")
            if kind.family == "image":
                kind = check_image(file, path, size, kind)
            else:
                _check(file, size, kind)
            if kind.family not in ("zip", "ooxml") and ends_as_archive(file, size):
                raise FileRefused("content_mismatch", reason="hidden_archive", detail="an archive at its end")
            return kind
        except FileRefused as refusal:
            raise explain(refusal, file, size, name, kind).about(name) from None


def _check(file: BinaryIO, size: int, kind: Kind) -> None:
    match kind.family:
        case "pdf":
            check_pdf(file, size)
        case "ole":
            check_ole(file, size, kind.ext)
        case "ooxml":
            check_ooxml(file, size, kind.ext)
        case "zip":
            check_archive(file, size)
        case "text":
            check_text(file)
        case _:
            raise AssertionError(kind.family)
