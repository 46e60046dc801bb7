"""S3, asked by key: each function here is one request where S3 can answer in one.

One client serves a process, whatever its threads. After a denial the question is asked again with a new client, which
reads the credentials as they are now. A bucket that has answered before is asked for a while longer: when credentials
are replaced, S3 refuses the old ones before it knows the new ones. A bucket that has never answered is told at once.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from dancegen.errors import StorageError
from dancegen.storage.faults import is_denied, remote_errors, translated_errors
from dancegen.storage.uri import S3

PATIENCE_S = 30.0  # with denials by a bucket that has answered before
PAUSES_S = (0.0, 1.0, 2.0, 4.0, 8.0)  # and the last one again, until the patience ends
LISTED = 1000  # keys in one answer, or in one order to delete: S3's limit
T = TypeVar("T")

logger = logging.getLogger(__name__)
_lock = threading.Lock()
_clients: dict[int, Any] = {}  # of this process, by its id: a client does not survive a fork
_answered: set[str] = set()  # buckets


@dataclass(frozen=True)
class Object:
    """What S3 says of an object."""

    uri: str
    size: int
    version: str
    """Its size and ETag: changes when the content does."""


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of an object. Raises StorageError where there is no key."""
    bucket, key = _split(uri)
    if not key:
        raise StorageError(uri, "names a bucket, and no file in it.", "Write s3://bucket/key.")
    return bucket, key


def head(uri: str) -> Object:
    """Size and version of an object."""
    bucket, key = split(uri)
    return _object(uri, ask(uri, lambda s3: s3.call_s3("head_object", Bucket=bucket, Key=key)))


def object_at(uri: str) -> Object | None:
    """Size and version of an object, if there is one."""
    try:
        return head(uri) if _split(uri)[1] else None
    except StorageError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
    return None


def exists(uri: str) -> bool:
    """Whether there is an object, or any below it, or the bucket."""
    if _split(uri)[1]:
        return object_at(uri) is not None or is_folder(uri)
    try:
        ask(uri, lambda s3: s3.call_s3("list_objects_v2", Bucket=_split(uri)[0], MaxKeys=1))
    except StorageError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        return False
    return True


def is_folder(uri: str) -> bool:
    """Whether there are objects below."""  # two are asked for: the first may be what consoles show as an empty folder
    return next(below(uri, 2), None) is not None


def below(uri: str, at_most: int | None = None) -> Iterator[Object]:
    """All objects below a folder, sorted by key; none where there is no such bucket. A request a thousand objects."""
    bucket, key = _split(uri)
    prefix = key.rstrip("/") + "/" if key else ""
    following: dict[str, Any] = {"MaxKeys": at_most or LISTED}
    while True:
        wanted = {"Bucket": bucket, "Prefix": prefix, **following}
        try:
            page = ask(uri, lambda s3, wanted=wanted: s3.call_s3("list_objects_v2", **wanted))
        except StorageError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return
            raise
        for found in page.get("Contents", []):
            if not found["Key"].endswith("/"):  # what consoles show as an empty folder
                yield _object(f"{S3}{bucket}/{found['Key']}", {**found, "ContentLength": found["Size"]})
        if at_most is not None or not page.get("IsTruncated"):
            return
        following["ContinuationToken"] = page["NextContinuationToken"]


def get(uri: str, start: int | None = None, end: int | None = None) -> bytes:
    """An object's bytes, or those from `start` to before `end`."""
    split(uri)
    return ask(uri, lambda s3: s3.cat_file(uri, start=start, end=end, max_concurrency=1))  # more would ask for the size


def fetch(uri: str, path: str) -> None:
    """Write an object to a local path."""
    split(uri)
    ask(uri, lambda s3: s3.get_file(uri, path))


def put(path: str, uri: str) -> None:
    """Store a local file as an object, which appears whole."""
    split(uri)
    ask(uri, lambda s3: s3.put_file(path, uri))


def create(uri: str, data: bytes) -> bool:
    """Store bytes as an object unless there is one. Returns whether they were stored."""
    split(uri)
    try:
        ask(uri, lambda s3: s3.pipe_file(uri, data, mode="create"))
    except StorageError as error:
        if not isinstance(error.__cause__, FileExistsError):
            raise
        return False
    return True


def opened(uri: str, block_bytes: int) -> Any:
    """An object as a file, of which blocks are fetched as they are read."""
    split(uri)
    return ask(uri, lambda s3: s3.open(uri, "rb", block_size=block_bytes))


def delete(uris: list[str]) -> None:
    """Delete objects, which may not be there: a request a thousand."""
    keys: dict[str, list[str]] = {}
    for uri in uris:
        bucket, key = split(uri)
        keys.setdefault(bucket, []).append(key)
    for bucket, every in keys.items():
        for first in range(0, len(every), LISTED):
            _delete(bucket, every[first : first + LISTED])


def delete_all(uri: str) -> None:
    """Delete an object and all below it, whichever there are."""
    own = [uri] if _split(uri)[1] else []  # a bucket is no object
    delete([*own, *(found.uri for found in below(uri))])


def unfinished(uri: str) -> Iterator[tuple[str, str, datetime]]:
    """Key, id and beginning of each upload in parts below a folder that has not ended: S3 keeps their parts, unseen."""
    bucket, key = _split(uri)
    prefix = key.rstrip("/") + "/" if key else ""
    answer = ask(uri, lambda s3: s3.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=prefix))
    for upload in answer.get("Uploads") or []:
        yield upload["Key"], upload["UploadId"], upload["Initiated"]


def abort(uri: str, key: str, upload: str) -> None:
    """End an upload in parts in the bucket of a URI; what it has stored is deleted."""
    wanted = {"Bucket": _split(uri)[0], "Key": key, "UploadId": upload}
    ask(uri, lambda s3: s3.call_s3("abort_multipart_upload", **wanted))


def ask(uri: str, question: Callable[[Any], T]) -> T:
    """What S3 answers, through s3fs. Raises StorageError."""
    bucket = _split(uri)[0]
    with translated_errors(uri):
        answer = _patiently(uri, question, PATIENCE_S if bucket in _answered else 0.0)
    _answered.add(bucket)
    return answer


def forget() -> None:
    """The next question has a new client, which reads credentials and endpoint again."""
    with _lock:
        _clients.clear()


def _patiently(uri: str, question: Callable[[Any], T], patience_s: float) -> T:
    started, tries = time.monotonic(), 0
    while True:
        try:
            return question(_client())
        except FileNotFoundError:
            raise
        except (OSError, *remote_errors(uri)) as error:
            forget()  # the cause may be a dead connection, too
            pause_s = PAUSES_S[min(tries, len(PAUSES_S) - 1)]
            over = pause_s and time.monotonic() - started + pause_s > patience_s
            if not is_denied(error) or over:
                _answered.discard(_split(uri)[0])
                raise
            if tries == 1:
                logger.warning("%s: is denied (%s); tried again for up to %.0f s", uri, error, patience_s)
            tries += 1
            time.sleep(pause_s)


def _client() -> Any:
    import s3fs  # late: only those who name S3 pay for it

    with _lock:
        if os.getpid() not in _clients:
            _clients.clear()
            _clients[os.getpid()] = s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)
        return _clients[os.getpid()]


def _delete(bucket: str, keys: list[str]) -> None:
    order = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
    uri = f"{S3}{bucket}/{keys[0]}"
    answer = ask(uri, lambda s3: s3.call_s3("delete_objects", Bucket=bucket, Delete=order))
    for failed in answer.get("Errors") or []:
        with translated_errors(uri := f"{S3}{bucket}/{failed['Key']}"):
            raise PermissionError(f"deleting it: {failed.get('Message') or failed.get('Code')}")


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri[len(S3) :].partition("/")
    return bucket, key


def _object(uri: str, answer: dict[str, Any]) -> Object:
    tag = answer.get("ETag", "").strip('"')
    return Object(uri, answer["ContentLength"], f"{answer['ContentLength']}-{tag}")
