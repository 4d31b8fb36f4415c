"""The kinds of file that may be sent: one table, the only place that lists extensions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from messaging_app.files.refusals import N_


class Thumbnail(NamedTuple):
    """A small picture: `data` is a whole file of type `mime`; `width` and `height` are in pixels."""

    data: bytes
    width: int
    height: int
    mime: str


@dataclass(frozen=True)
class Kind:
    """A kind of file. `ext` (without dot) and `mime` are what the server stores and sends, whatever the sender claimed.

    `family` selects the check. An inspected image also has its size in pixels as displayed (honouring the camera's
    orientation) and the thumbnail.
    """

    ext: str
    mime: str
    label: str
    family: str
    width: int | None = None
    height: int | None = None
    thumbnail: Thumbnail | None = field(default=None, repr=False)

    @property
    def is_image(self) -> bool:
        return self.family == "image"


_OOXML = "application/vnd.openxmlformats-officedocument."

JPEG = Kind("jpg", "image/jpeg", N_("JPEG image"), "image")

BY_EXTENSION = {
    "jpg": JPEG,
    "jpeg": JPEG,
    "jfif": JPEG,
    "png": Kind("png", "image/png", N_("PNG image"), "image"),
    "gif": Kind("gif", "image/gif", N_("GIF image"), "image"),
    "webp": Kind("webp", "image/webp", N_("WebP image"), "image"),
    "pdf": Kind("pdf", "application/pdf", N_("PDF"), "pdf"),
    "doc": Kind("doc", "application/msword", N_("Word"), "ole"),
    "xls": Kind("xls", "application/vnd.ms-excel", N_("Excel"), "ole"),
    "ppt": Kind("ppt", "application/vnd.ms-powerpoint", N_("PowerPoint"), "ole"),
    "docx": Kind("docx", _OOXML + "wordprocessingml.document", N_("Word"), "ooxml"),
    "xlsx": Kind("xlsx", _OOXML + "spreadsheetml.sheet", N_("Excel"), "ooxml"),
    "pptx": Kind("pptx", _OOXML + "presentationml.presentation", N_("PowerPoint"), "ooxml"),
    "zip": Kind("zip", "application/zip", N_("ZIP"), "zip"),
    "txt": Kind("txt", "text/plain", N_("Text"), "text"),
    "csv": Kind("csv", "text/csv", N_("CSV"), "text"),
}

# For the `accept` attribute of a file field.
EXTENSIONS = tuple(BY_EXTENSION)

# By stored extension: enough to show an attachment's row without reading its bytes.
BY_STORED = {kind.ext: kind for kind in BY_EXTENSION.values()}


def kind_of_name(name: str) -> Kind | None:
    """Return the kind that the last extension of `name` claims, or None if it is missing or not allowed."""
    stem, dot, extension = name.rpartition(".")
    return BY_EXTENSION.get(extension.lower()) if stem and dot else None
