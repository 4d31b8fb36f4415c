"""Both storages keep the same promises; each test here runs on a folder and on a server that speaks S3."""

from __future__ import annotations

import hashlib
import itertools
import os
import resource
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pytest

from messaging_app.storage import (
    FileMissing,
    FolderStorage,
    S3Storage,
    Storage,
    StorageUnavailable,
    new_key,
    storage_from_url,
    thumbnail_key,
)
from messaging_app.storage import s3 as s3_module
from tests.services import Bucket

KEY = "messages/2026/11/7/8d3f.pdf"
WORDS = bytes(range(256)) * 1000
AT_ONCE, LATER = timedelta(seconds=-5), timedelta(hours=1)


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.slow)])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return storage_from_url(str(tmp_path / "uploads"))
    return storage_from_url(request.getfixturevalue("s3").url)


def put(storage: Storage, key: str, data: bytes = WORDS) -> None:
    storage.stage(BytesIO(data)).commit(key)


def get(storage: Storage, key: str, start: int = 0, end: int | None = None) -> bytes:
    download = storage.open(key, start, end)
    try:
        data = b"".join(download)
    finally:
        download.close()
    assert len(data) == download.length
    return data


def keys(storage: Storage, prefix: str = "") -> list[str]:
    return [stored.key for stored in storage.keys(prefix)]


@pytest.mark.parametrize("known", [True, False], ids=["key known", "key unknown"])
@pytest.mark.parametrize("size", [0, 1, 1000, 12_000_000])
def test_what_is_stored_comes_back(storage: Storage, tmp_path: Path, size: int, known: bool) -> None:
    data = (WORDS * (size // len(WORDS) + 1))[:size]
    path = tmp_path / "upload"
    path.write_bytes(data)
    sources: list[BinaryIO | Path] = [path, BytesIO(data)]
    for source in sources:
        staged = storage.stage(source, KEY if known else None)
        assert staged.size == size
        staged.commit(KEY)
        assert storage.size(KEY) == size
        assert get(storage, KEY) == data
    assert keys(storage) == [KEY]
    assert storage.sweep(AT_ONCE) == 0


@pytest.mark.slow
def test_a_large_file_goes_to_s3_in_parts(s3: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_module, "_ONE_REQUEST", 5 * 2**20)
    path = tmp_path / "upload"
    path.write_bytes(WORDS * 70)
    storage = S3Storage(s3.name)
    for source in (path, BytesIO(WORDS * 70)):
        staged = storage.stage(source)
        staged.commit(KEY)
        assert (staged.size, get(storage, KEY)) == (len(WORDS) * 70, WORDS * 70)
    assert "-" in s3.client.head_object(Bucket=s3.name, Key=KEY)["ETag"]  # the mark of an upload in parts


def test_a_source_is_read_from_where_it_stands_and_stays_open(storage: Storage) -> None:
    source = BytesIO(b"read already, to be stored")
    source.seek(14)
    staged = storage.stage(source)
    staged.commit(KEY)
    assert (staged.size, get(storage, KEY)) == (12, b"to be stored")
    assert not source.closed


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (0, 1),
        (0, 10),
        (5, 10),
        (255_999, None),
        (255_999, 256_000),
        (100, 99_999_999),
        (7, 7),
        (256_000, None),
        (300_000, None),
    ],
)
def test_a_range_comes_as_a_slice(storage: Storage, start: int, end: int | None) -> None:
    put(storage, KEY)
    assert get(storage, KEY, start, end) == WORDS[start:end]


def test_an_empty_file_can_be_asked_for_a_range(storage: Storage) -> None:
    put(storage, KEY, b"")
    assert get(storage, KEY, 0, 10) == b""


def test_pieces_are_small(storage: Storage) -> None:
    put(storage, KEY)
    download = storage.open(KEY)
    assert max(len(piece) for piece in download) <= 64 * 1024
    download.close()


@pytest.mark.parametrize("known", [KEY, None], ids=["key known", "key unknown"])
def test_what_is_discarded_leaves_nothing(storage: Storage, known: str | None) -> None:
    storage.stage(BytesIO(WORDS), known).discard()
    committed = storage.stage(BytesIO(WORDS), known)
    committed.commit(KEY)
    committed.discard()
    committed.discard()
    assert keys(storage) == []
    assert storage.sweep(AT_ONCE) == 0
    with pytest.raises(FileMissing):
        storage.size(KEY)


def test_a_source_that_breaks_leaves_nothing(storage: Storage) -> None:
    class Breaks(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 0:
                raise RuntimeError("the sender went away")
            return super().read(min(1000, size if size and size > 0 else 1000))

    with pytest.raises(RuntimeError):
        storage.stage(Breaks(WORDS))
    assert storage.sweep(AT_ONCE) == 0
    assert keys(storage) == []


def test_deleting_twice_is_well(storage: Storage) -> None:
    put(storage, KEY)
    storage.delete(KEY)
    storage.delete(KEY)
    storage.delete("messages/never/was.pdf")
    for ask in (storage.size, storage.open):
        with pytest.raises(FileMissing):
            ask(KEY)


def test_a_folder_is_no_file(storage: Storage) -> None:
    put(storage, KEY)
    for key in ("messages", "messages/2026", KEY + "/more"):
        for ask in (storage.size, storage.open):
            with pytest.raises(FileMissing):
                ask(key)


def test_keys_are_listed_with_size_and_time_and_without_what_is_staged(storage: Storage) -> None:
    names = [f"messages/2026/{month}/{number}/a.txt" for month in (10, 11) for number in (1, 2)]
    for name in names:
        put(storage, name, name.encode())
    put(storage, "logos/bakery.png")
    storage.stage(BytesIO(WORDS))
    listed = list(storage.keys())
    assert [stored.key for stored in listed] == ["logos/bakery.png", *names]
    assert [stored.size for stored in listed][1:] == [len(name) for name in names]
    assert all(abs(stored.modified - datetime.now(UTC)) < timedelta(minutes=1) for stored in listed)
    assert keys(storage, "messages/2026/11/") == names[2:]
    assert keys(storage, "messages/2026/1") == names
    assert keys(storage, "nothing/") == []


def test_more_keys_than_one_page_of_s3(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")  # else a thousand
    names = [f"messages/{number:02}.txt" for number in range(10)]
    for name in names:
        put(storage, name, b"x")
    assert keys(storage) == names


def test_only_old_strays_are_swept(storage: Storage) -> None:
    staged = storage.stage(BytesIO(WORDS))
    storage.stage(BytesIO(WORDS))
    put(storage, KEY)
    assert storage.sweep(LATER) == 0
    staged.commit("messages/later.pdf")
    assert storage.sweep(AT_ONCE) == 1
    assert storage.sweep(AT_ONCE) == 0
    assert keys(storage) == [KEY, "messages/later.pdf"]


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "../x", "a/../b", "a/..", "a//b", "a/", ".staging/x", "a/.b", "a\\b", "a\0b", "a\nb", "C:x",
     "ü.pdf", "a b", "-rf", "x" * 600],
)  # fmt: skip
def test_a_key_that_is_none_is_refused(storage: Storage, key: str) -> None:
    put(storage, KEY)
    staged = storage.stage(BytesIO(b""))
    for ask in (storage.size, storage.open, storage.delete, storage.path, staged.commit):
        with pytest.raises(ValueError, match="makes no storage key"):
            ask(key)
    with pytest.raises(ValueError, match="makes no storage key"):
        storage.stage(BytesIO(b""), key)


def test_keys_follow_the_pattern() -> None:
    key = new_key(42, "jpg", datetime(2026, 3, 9, tzinfo=UTC))
    folder, _, name = key.rpartition("/")
    assert folder == "messages/2026/03/42"
    assert len(name) == 36 + 4 and name.endswith(".jpg")
    assert thumbnail_key(key) == key.removesuffix(".jpg") + ".thumb.webp"
    assert key != new_key(42, "jpg", datetime(2026, 3, 9, tzinfo=UTC))
    with pytest.raises(ValueError, match="makes no storage key"):
        new_key(42, "../x", datetime(2026, 3, 9, tzinfo=UTC))


@pytest.mark.parametrize(
    ("url", "kind"), [("uploads", FolderStorage), ("/srv/uploads", FolderStorage), ("file:///srv/x", FolderStorage),
                      ("s3://bucket", S3Storage), ("s3://bucket/a/b/", S3Storage)],
)  # fmt: skip
def test_an_address_gives_its_storage(url: str, kind: type) -> None:
    assert isinstance(storage_from_url(url), kind)


@pytest.mark.parametrize("url", ["", " ", "s3://", "http://host/x", "ftp://x", "file://host/x", "s3://b?x=1"])
def test_another_address_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(ValueError, match="Write the path of a folder, or s3://"):
        storage_from_url(url)


# --- a folder's own ------------------------------------------------------------------------------------------------


def test_a_link_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "uploads").mkdir()
    (tmp_path / "uploads" / "out").symlink_to(tmp_path)
    (tmp_path / "uploads" / "secret.txt").symlink_to(tmp_path / "secret.txt")
    storage = FolderStorage(tmp_path / "uploads")
    staged = storage.stage(BytesIO(b"x"))
    for key in ("out/secret.txt", "secret.txt"):
        for ask in (storage.open, storage.size, storage.path, storage.delete, staged.commit):
            with pytest.raises(ValueError, match="leads out"):
                ask(key)
    assert keys(storage) == []
    assert (tmp_path / "secret.txt").read_text() == "secret"


def test_a_folder_knows_the_path_and_a_bucket_has_none(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    put(storage, KEY)
    path = storage.path(KEY)
    assert path is not None and path.read_bytes() == WORDS
    assert path.stat().st_mode & 0o007 == 0
    assert S3Storage("bucket").path(KEY) is None


def test_every_step_is_on_disk_before_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file's bytes before its rename, and the rename, with each new folder, before `commit` returns."""
    steps: list[str] = []
    sync, replace = os.fsync, Path.replace

    def note_sync(handle: int) -> None:
        steps.append(f"sync {Path(f'/proc/self/fd/{handle}').readlink().relative_to(tmp_path)}")
        sync(handle)

    def note_replace(self: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "replace", note_replace)
    put(FolderStorage(tmp_path), "a/b/c.txt")
    assert steps[0].startswith("sync .staging/")
    assert steps[1:] == ["sync .", "sync a", "rename", "sync a/b"]


def test_a_full_disk_is_unavailable_and_leaves_nothing(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    put(storage, KEY, b"before")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
        with pytest.raises(StorageUnavailable):
            storage.stage(BytesIO(WORDS))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert storage.sweep(AT_ONCE) == 0
    assert keys(storage) == [KEY]
    put(storage, "again.txt", WORDS)


def test_a_folder_that_is_none_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "uploads").write_text("a file stands here")
    storage = FolderStorage(tmp_path / "uploads")
    with pytest.raises(StorageUnavailable):
        storage.stage(BytesIO(b"x"))


def test_a_file_cut_behind_our_back_is_noticed(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    put(storage, KEY)
    download = storage.open(KEY)
    (tmp_path / KEY).write_bytes(b"short")
    with pytest.raises(StorageUnavailable):
        list(download)
    download.close()


# Loads the storage once; each line that comes lets it make a process that stores file after file until it is killed.
WRITERS = """
import hashlib, os, sys
from io import BytesIO
from pathlib import Path
from messaging_app.storage import FolderStorage
for _ in sys.stdin:
    if os.fork():
        os.wait()
        print("killed", flush=True)
        continue
    print(os.getpid(), flush=True)
    storage = FolderStorage(Path(sys.argv[1]))
    while True:
        data = os.urandom(300_000)
        staged = storage.stage(BytesIO(data))
        staged.commit(f"messages/{hashlib.sha256(data).hexdigest()}.bin")
        print("stored", hashlib.sha256(data).hexdigest(), flush=True)
"""


@pytest.mark.slow
def test_kill_9_leaves_only_whole_files_and_strays(tmp_path: Path) -> None:
    acknowledged = set()
    with subprocess.Popen(
        [sys.executable, "-c", WRITERS, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writers:
        assert writers.stdin is not None and writers.stdout is not None
        for pause in itertools.islice(itertools.cycle([0.03, 0.051, 0.082, 0.117]), 8):
            writers.stdin.write("next\n")
            writers.stdin.flush()
            child = int(writers.stdout.readline())
            time.sleep(pause)
            os.kill(child, signal.SIGKILL)
            # What it was just saying may be cut, and then the end stands on the same line.
            while not (line := writers.stdout.readline().rstrip("\n")).endswith("killed"):
                acknowledged.add(line.removeprefix("stored "))
        writers.stdin.close()
    storage = FolderStorage(tmp_path)
    stored = {key.removeprefix("messages/").removesuffix(".bin"): get(storage, key) for key in keys(storage)}
    assert len(acknowledged) > 10
    assert acknowledged <= set(stored)
    assert all(hashlib.sha256(data).hexdigest() == name for name, data in stored.items())
    storage.sweep(AT_ONCE)
    assert list((tmp_path / ".staging").iterdir()) == []


# --- a bucket's own ------------------------------------------------------------------------------------------------


def unreachable(monkeypatch: pytest.MonkeyPatch) -> S3Storage:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return S3Storage("bucket", connect_timeout=0.5)


@pytest.mark.slow
def test_a_server_that_is_gone_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    storage = unreachable(monkeypatch)
    for ask in (storage.size, storage.open, storage.delete):
        with pytest.raises(StorageUnavailable):
            ask(KEY)
    with pytest.raises(StorageUnavailable):
        storage.stage(BytesIO(WORDS), KEY)
    with pytest.raises(StorageUnavailable):
        keys(storage)
    with pytest.raises(StorageUnavailable):
        storage.sweep(AT_ONCE)


@pytest.mark.slow
def test_a_bucket_that_is_not_there_is_unavailable(s3: Bucket) -> None:
    storage = S3Storage("no-such-bucket")
    with pytest.raises(StorageUnavailable):
        storage.stage(BytesIO(WORDS))
    with pytest.raises(StorageUnavailable):
        keys(storage)


@pytest.mark.slow
def test_keys_lie_under_the_prefix_and_no_other_objects_are_touched(s3: Bucket) -> None:
    client, bucket = s3.client, s3.name
    client.put_object(Bucket=bucket, Key="other/file.txt", Body=b"not ours")
    storage = S3Storage(bucket, "files")
    put(storage, KEY)
    storage.sweep(AT_ONCE)
    names = [item["Key"] for item in client.list_objects_v2(Bucket=bucket)["Contents"]]
    assert names == [f"files/{KEY}", "other/file.txt"]
    assert keys(storage) == [KEY]


@pytest.mark.slow
def test_an_upload_that_was_killed_half_way_is_swept(s3: Bucket) -> None:
    client, bucket = s3.client, s3.name
    client.create_multipart_upload(Bucket=bucket, Key="files/half.bin")
    client.create_multipart_upload(Bucket=bucket, Key="others/half.bin")
    storage = S3Storage(bucket, "files")
    assert storage.sweep(AT_ONCE) == 1
    assert [upload["Key"] for upload in client.list_multipart_uploads(Bucket=bucket)["Uploads"]] == ["others/half.bin"]
