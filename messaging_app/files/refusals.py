"""Why a file is refused: stable codes for programs, sentences for users.

A sentence names the actual cause and the remedy. If one code has several causes, each has its own sentence, called a
reason. Reasons are not stable.
"""

from __future__ import annotations

from collections.abc import Callable


def N_(text: str) -> str:
    """Mark `text` for translation, which happens where it is shown: this package knows no request and no language."""
    return text


# The placeholders are those of `FileRefused.values`; `name` is always among them.
MESSAGES = {
    "type_not_allowed": N_(
        "“%(name)s” is not an allowed kind of file. Send JPEG, PNG, GIF, WebP, PDF, Word, Excel, PowerPoint, ZIP, TXT "
        "or CSV, and let the name end accordingly."
    ),
    "content_mismatch": N_(
        "“%(name)s” cannot be read as the kind of file that its name says. Open it, save it in that format and send "
        "that."
    ),
    "empty": N_("“%(name)s” is empty. Choose the file again, or send it without."),
    "name_invalid": N_("A file has no usable name. Rename it and send it again."),
    "image_corrupt": N_(
        "The image “%(name)s” is damaged or incomplete, so that most of it cannot be seen. Find a complete copy and "
        "send that."
    ),
    "image_dimensions": N_("The image “%(name)s” is too large to be opened. Make it smaller and send that."),
    "archive_limits": N_("“%(name)s” is too large when unpacked. Send fewer or smaller files in one archive."),
    "archive_unsafe": N_("“%(name)s” is not safe to unpack. Make the archive again from plain files and folders."),
    "macro_not_allowed": N_("“%(name)s” contains macros. Save it without macros, or as PDF, and send that."),
    "malware": N_("“%(name)s” was refused by the virus scanner. Check your device before you send other files."),
    "too_many_files": N_("A message can have at most %(limit)s files. Send the rest in another message."),
    "too_large": N_("“%(name)s” is larger than %(limit)s MB. Make it smaller and send that."),
}

# More specific sentences, by reason. `what` is the actual kind of file and is translated too.
REASONS = {
    "renamed": N_("“%(name)s” is %(what)s. Rename it to “%(better)s” and send that."),
    "heic": N_("“%(name)s” is a HEIC photo, which many devices cannot show. Share it as JPEG and send that."),
    "other_picture": N_("“%(name)s” is %(what)s. Save it as JPEG or PNG and send that."),
    "other_text": N_("“%(name)s” is %(what)s. Save it as Word or PDF and send that."),
    "other_table": N_("“%(name)s” is %(what)s. Save it as Excel or PDF and send that."),
    "other_slides": N_("“%(name)s” is %(what)s. Save it as PowerPoint or PDF and send that."),
    "other_archive": N_("“%(name)s” is %(what)s. Pack the files as ZIP and send that."),
    "to_pdf": N_("“%(name)s” is %(what)s. Save it as PDF and send that."),
    "web_page": N_("“%(name)s” is a web page. Save the file itself, or print the page to PDF, and send that."),
    "video": N_("“%(name)s” is %(what)s. Videos and sound cannot be sent here; send a link instead."),
    "program": N_("“%(name)s” is a program. Programs cannot be sent here."),
    "password": N_("“%(name)s” is protected with a password. Save it without the password and send that."),
    "cut": N_("“%(name)s” is cut off or has extra data after its end. Save or download it again and send that."),
    "binary": N_("“%(name)s” is not text. Save it as plain text and send that."),
    "hidden_archive": N_("“%(name)s” has an archive hidden at its end. Open it, save it again and send that."),
    "document_broken": N_("“%(name)s” is damaged inside. Open it, save it again and send that."),
    "document_limits": N_("“%(name)s” is too large when unpacked. Make what is in it smaller, or save it as PDF."),
    "archive_name": N_(
        "“%(name)s” contains “%(entry)s”, a name that is not safe to unpack. Rename that and pack again."
    ),
    "archive_link": N_("“%(name)s” contains a link, “%(entry)s”. Pack what it leads to instead, and send that."),
    "archive_twice": N_("“%(name)s” contains “%(entry)s” twice. Pack the files again and send that."),
    "archive_volume": N_("“%(name)s” is one part of a split archive. Pack the files into a single one and send that."),
    "archive_contradicts": N_("“%(name)s” is damaged or malformed. Pack the files again and send that."),
    "archive_entries": N_("“%(name)s” contains more than %(limit)s files. Put fewer into one archive."),
    "archive_nested": N_(
        "“%(name)s” contains archives that are too large when unpacked. Unpack them first, or send fewer."
    ),
}


class FileRefused(Exception):
    """A file that must not be accepted.

    `code` is a key of `MESSAGES`, stable for programs. `reason`, a key of `REASONS` or the code again, selects the
    sentence. `filename` is the cleaned name of the file, or "". `values` fill the sentence's placeholders. `detail`
    describes the exact fault for logs.
    """

    def __init__(self, code: str, filename: str = "", /, *, reason: str = "", detail: str = "", **values: str) -> None:
        self.code = code
        self.reason = reason or code
        self.filename = filename
        self.detail = detail
        self.values = values
        super().__init__(f"{code}: {detail}" if detail else code)

    def sentence(self, translate: Callable[[str], str] = str) -> str:
        """Return the sentence for the user, translated by `translate`; English by default."""
        values = {**self.values, "name": self.filename}
        if "what" in values:
            values["what"] = translate(values["what"])
        return translate({**MESSAGES, **REASONS}[self.reason]) % values

    def about(self, filename: str) -> FileRefused:
        """Return the same refusal with the file's name, which checks that see only bytes do not know."""
        return FileRefused(self.code, filename, reason=self.reason, detail=self.detail, **self.values)


class CheckUnavailable(Exception):
    """A file could not be checked right now. Retrying later may succeed."""


def check_size(filename: str, size: int, limit: int) -> None:
    """Raise `FileRefused` (`too_large`) if `size` exceeds `limit`, both in bytes."""
    if size > limit:
        raise FileRefused("too_large", filename, limit=f"{limit / 2**20:g}")


def check_count(count: int, limit: int) -> None:
    """Raise `FileRefused` (`too_many_files`) if a message has more files than `limit`."""
    if count > limit:
        raise FileRefused("too_many_files", limit=str(limit))
