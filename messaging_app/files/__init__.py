"""Uploaded files: what they may be called, what they may be, and their thumbnails.

Independent of requests, conversations and the database. The steps: `clean_name`, `check_size`, `inspect_file`, `scan`
if a scanner is configured; then the file goes into storage (messaging_app/storage).
"""

from messaging_app.files.copies import sweep_copies, temporary_copy
from messaging_app.files.inspect import inspect_file
from messaging_app.files.kinds import BY_STORED, EXTENSIONS, Kind, Thumbnail
from messaging_app.files.names import clean_name
from messaging_app.files.refusals import MESSAGES, CheckUnavailable, FileRefused, check_count, check_size
from messaging_app.files.scanner import ScannerUnavailable, clamd_address, scan
from messaging_app.files.thumbnails import make_thumbnail

__all__ = [
    "BY_STORED",
    "EXTENSIONS",
    "MESSAGES",
    "CheckUnavailable",
    "FileRefused",
    "Kind",
    "ScannerUnavailable",
    "Thumbnail",
    "check_count",
    "check_size",
    "clamd_address",
    "clean_name",
    "inspect_file",
    "make_thumbnail",
    "scan",
    "sweep_copies",
    "temporary_copy",
]
