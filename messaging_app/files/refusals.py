"""Why a file is refused: the codes that programs rely on, each with the sentence that people read."""

from __future__ import annotations


def N_(text: str) -> str:
    """Marks `text` for translation; whoever shows it translates (this package knows no request and no language)."""
    return text


# The placeholders are those of `FileRefused.values`; `name` is always among them.
MESSAGES = {
    "type_not_allowed": N_(
        "“%(name)s” is not an allowed kind of file. Send JPEG, PNG, GIF, WebP, PDF, Word, Excel, PowerPoint, ZIP, TXT "
        "or CSV, and let the name end accordingly."
    ),
    "content_mismatch": N_(
        "“%(name)s” cannot be read as the kind of file that its name says. Save it again in that format, without a "
        "password, and send that."
    ),
    "empty": N_("“%(name)s” is empty. Choose the file again, or send it without."),
    "name_invalid": N_("A file has no usable name. Rename it and send it again."),
    "image_corrupt": N_("The image “%(name)s” is damaged. Open it, save it again and send that."),
    "image_dimensions": N_("The image “%(name)s” has too many pixels to be opened. Make it smaller and send that."),
    "archive_limits": N_(
        "“%(name)s” unpacks to too much or holds too many entries. Send fewer or smaller files in one archive."
    ),
    "archive_unsafe": N_("“%(name)s” is not safe to unpack. Make the archive again from plain files and folders."),
    "macro_not_allowed": N_("“%(name)s” holds macros. Save it without macros, or as PDF, and send that."),
    "malware": N_("“%(name)s” was refused by the virus scanner. Check your device before you send other files."),
    "too_many_files": N_("More than %(limit)s files are too many for one message. Send the rest in another."),
    "too_large": N_("“%(name)s” is larger than %(limit)s MB. Make it smaller and send that."),
}


class FileRefused(Exception):
    """A file that must not be taken.

    `code` is one of the keys of `MESSAGES`, stable for programs. `filename` is the cleaned name of the file concerned,
    or "" if it has none. `values` fill the placeholders, so that `gettext(MESSAGES[code]) % values` is the sentence in
    the reader's language; `message` is it in English. `detail` says for logs what exactly was wrong.
    """

    def __init__(self, code: str, filename: str = "", /, *, detail: str = "", **values: object) -> None:
        self.code = code
        self.filename = filename
        self.detail = detail
        self.values: dict[str, object] = {**values, "name": filename}
        self.message = MESSAGES[code] % self.values
        super().__init__(f"{code}: {detail}" if detail else code)

    def about(self, filename: str) -> FileRefused:
        """The same refusal, naming the file concerned; checks that see only bytes leave the name to their caller."""
        return FileRefused(self.code, filename, detail=self.detail, **self.values)


class CheckUnavailable(Exception):
    """A file could not be checked now, and nothing is known against it: trying again later may help."""


def check_size(filename: str, size: int, limit: int) -> None:
    """Raises `FileRefused` (`too_large`) if `size` is above `limit`, both in bytes; exactly the limit passes."""
    if size > limit:
        raise FileRefused("too_large", filename, limit=f"{limit / 2**20:g}")


def check_count(count: int, limit: int) -> None:
    """Raises `FileRefused` (`too_many_files`) if a message carries more files than `limit`."""
    if count > limit:
        raise FileRefused("too_many_files", limit=limit)
