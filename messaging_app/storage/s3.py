"""Storage in an S3 bucket or a compatible service. Endpoint and credentials come from the usual AWS_* environment."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

from messaging_app.storage.keys import check_key
from messaging_app.storage.protocol import Download, FileMissing, StorageUnavailable, Stored

_STAGING = ".staging/"
_MISSING = ("404", "NoSuchKey", "NotFound")
_ONE_REQUEST = 64 * 2**20  # files up to this size are streamed; for larger ones boto3 buffers parts of 8 MB
_PAST_THE_END = ("416", "InvalidRange")


class S3Storage:
    """Objects under `prefix` of `bucket`. See `Storage` for the methods.

    S3 has no rename. If the key is known at staging, the file is uploaded under that key and `commit` does nothing.
    Otherwise it is uploaded to a temporary name and `commit` makes the server copy it. boto3 is imported on first use.
    """

    def __init__(self, bucket: str, prefix: str = "", *, connect_timeout: float = 5, read_timeout: float = 30) -> None:
        self.bucket = bucket
        self.prefix = prefix.strip("/") + "/" if prefix.strip("/") else ""
        self._timeouts = {"connect_timeout": connect_timeout, "read_timeout": read_timeout}
        self._lock = threading.Lock()
        self._client: Any = None

    @property
    def client(self) -> Any:
        """Return the client. Threads can share it, but only one may create it."""
        with self._lock:
            if self._client is None:
                config = import_module("botocore.config").Config(
                    retries={"mode": "standard", "max_attempts": 3},
                    # Not all compatible services support the newer checksums.
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                    **self._timeouts,
                )
                with _translated():
                    self._client = import_module("boto3").session.Session().client("s3", config=config)
            return self._client

    def stage(self, source: BinaryIO | Path, key: str | None = None) -> StagedObject:
        name = self._name(key) if key is not None else f"{self.prefix}{_STAGING}{uuid4().hex}"
        # Without threads: those of boto3 do not work with gevent.
        config = import_module("boto3.s3.transfer").TransferConfig(use_threads=False, multipart_threshold=_ONE_REQUEST)
        staged = StagedObject(self, name)
        try:
            with _translated(), _opened(source) as (file, staged.size):
                self.client.upload_fileobj(file, self.bucket, name, Config=config)
        except BaseException:
            staged.discard()
            raise
        return staged

    def open(self, key: str, start: int = 0, end: int | None = None) -> Download:
        if end is not None and end <= start:
            self.size(key)
            return Download(BytesIO().read, lambda: None, 0)
        wanted = {} if start == 0 and end is None else {"Range": f"bytes={start}-{'' if end is None else end - 1}"}
        try:
            with _translated(key):
                answer = self.client.get_object(Bucket=self.bucket, Key=self._name(key), **wanted)
        except _PastTheEnd:
            return Download(BytesIO().read, lambda: None, 0)
        body = answer["Body"]

        def read(count: int) -> bytes:
            with _translated():
                return bytes(body.read(count))

        return Download(read, body.close, answer["ContentLength"])

    def size(self, key: str) -> int:
        with _translated(key):
            return int(self.client.head_object(Bucket=self.bucket, Key=self._name(key))["ContentLength"])

    def delete(self, key: str) -> None:
        self.remove(self._name(key))

    def keys(self, prefix: str = "") -> Iterator[Stored]:
        for stored in self._list(self.prefix + prefix):
            if not stored.key.startswith(self.prefix + _STAGING):
                yield stored._replace(key=stored.key.removeprefix(self.prefix))

    def path(self, key: str) -> Path | None:
        check_key(key)
        return None

    def sweep(self, older_than: timedelta) -> int:
        limit = datetime.now(UTC) - older_than
        strays = [stored.key for stored in self._list(self.prefix + _STAGING) if stored.modified < limit]
        for name in strays:
            self.remove(name)
        return len(strays) + self._abort_uploads(limit)

    def remove(self, name: str) -> None:
        """Delete the object with this full name."""
        with _translated():
            self.client.delete_object(Bucket=self.bucket, Key=name)

    def move(self, name: str, key: str) -> str:
        """Move an object with this full name to its key, if it is not there. Returns its new full name."""
        target = self._name(key)
        if name != target:
            with _translated():
                self.client.copy({"Bucket": self.bucket, "Key": name}, self.bucket, target)
            with suppress(StorageUnavailable):  # then it stays as an orphaned file
                self.remove(name)
        return target

    def _name(self, key: str) -> str:
        return self.prefix + check_key(key)

    def _list(self, prefix: str) -> Iterator[Stored]:
        with _translated():
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
                for item in page.get("Contents", ()):
                    yield Stored(item["Key"], item["Size"], item["LastModified"].astimezone(UTC))

    def _abort_uploads(self, limit: datetime) -> int:
        """Abort multipart uploads that a killed process left unfinished: they use space invisibly."""
        aborted = 0
        with _translated():
            answer = self.client.list_multipart_uploads(Bucket=self.bucket, Prefix=self.prefix)
            for upload in answer.get("Uploads", ()):
                if upload["Initiated"] < limit:
                    self.client.abort_multipart_upload(
                        Bucket=self.bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                    )
                    aborted += 1
        return aborted


class StagedObject:
    """A `Staged` that is already in the bucket, under its key or a temporary name."""

    def __init__(self, storage: S3Storage, name: str) -> None:
        self._storage = storage
        self._name = name
        self.size = 0

    def commit(self, key: str) -> None:
        self._name = self._storage.move(self._name, key)

    def discard(self) -> None:
        with suppress(StorageUnavailable):
            self._storage.remove(self._name)


class _PastTheEnd(Exception):
    """A range that begins after the last byte."""


class _Lent:
    """A file that boto3 can read and rewind but not close; boto3 closes files it is given."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell

    def close(self) -> None:
        pass


@contextmanager
def _opened(source: BinaryIO | Path) -> Iterator[tuple[_Lent, int]]:
    """Provide the file to upload and its number of bytes from the current position."""
    if isinstance(source, Path):
        with source.open("rb") as file, _opened(file) as opened:
            yield opened
    else:
        start = source.tell()
        size = source.seek(0, 2) - start
        source.seek(start)
        yield _Lent(source), size


@contextmanager
def _translated(key: str = "") -> Iterator[None]:
    botocore, boto3 = import_module("botocore.exceptions"), import_module("boto3.exceptions")
    try:
        yield
    except botocore.ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if key and code in _MISSING:
            raise FileMissing(key) from None
        if key and code in _PAST_THE_END:
            raise _PastTheEnd from None
        raise StorageUnavailable(str(error)) from error
    except (botocore.BotoCoreError, boto3.Boto3Error, OSError) as error:
        raise StorageUnavailable(str(error)) from error
