"""S3 access by key: each function sends one request where S3 allows it.

All threads of a process share one client. After a denial the request is repeated with a new client, which reads the
current credentials. For a bucket that has responded before, denials are retried for longer: when credentials are
rotated, S3 rejects the old ones before it accepts the new ones. For a bucket that has never responded, the error is
raised immediately.
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

PATIENCE_S = 30.0  # maximum retry time for denials by a bucket that has responded before
PAUSES_S = (0.0, 1.0, 2.0, 4.0, 8.0)  # between retries; the last one repeats until PATIENCE_S
LISTED = 1000  # keys per listing or delete request: S3's limit
T = TypeVar("T")

logger = logging.getLogger(__name__)
_lock = threading.Lock()
_clients: dict[int, Any] = {}  # by process id: a client does not survive a fork
_answered: set[str] = set()  # buckets that have responded
_unconditional: set[str] = set()  # buckets of a store without conditional writes


@dataclass(frozen=True)
class Object:
    """Metadata of an S3 object."""

    uri: str
    size: int
    version: str
    """Size and ETag; changes when the content changes."""


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of an object. Raises StorageError for a URI without a key."""
    bucket, key = _split(uri)
    if not key:
        raise StorageError(uri, "names a bucket without a key.", "Use s3://bucket/key.")
    return bucket, key


def head(uri: str) -> Object:
    """Size and version of an object. Raises StorageError when it does not exist."""
    bucket, key = split(uri)
    return _object(uri, ask(uri, lambda s3: s3.call_s3("head_object", Bucket=bucket, Key=key)))


def object_at(uri: str) -> Object | None:
    """Size and version of an object; None when it does not exist."""
    try:
        return head(uri) if _split(uri)[1] else None
    except StorageError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
    return None


def exists(uri: str) -> bool:
    """Whether the object, an object below it, or the bucket exists."""
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
    """Whether objects exist below the URI."""  # two, as the first may be a folder marker
    return next(below(uri, 2), None) is not None


def below(uri: str, at_most: int | None = None) -> Iterator[Object]:
    """All objects below a folder, sorted by key; none for a missing bucket. One request per 1000 objects."""
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
            if not found["Key"].endswith("/"):  # marker of an empty folder, created by consoles
                yield _object(f"{S3}{bucket}/{found['Key']}", {**found, "ContentLength": found["Size"]})
        if at_most is not None or not page.get("IsTruncated"):
            return
        following["ContinuationToken"] = page["NextContinuationToken"]


def get(uri: str, start: int | None = None, end: int | None = None) -> bytes:
    """Bytes of an object, or of its range from `start` to `end` (exclusive)."""
    split(uri)
    return ask(uri, lambda s3: s3.cat_file(uri, start=start, end=end, max_concurrency=1))  # more would ask for the size


def fetch(uri: str, path: str) -> None:
    """Download an object to a local path."""
    split(uri)
    ask(uri, lambda s3: s3.get_file(uri, path))


def put(path: str, uri: str, new: bool = False) -> bool:
    """Upload a local file as an object, atomically. Returns whether it is the object now.

    With `new`, an object that exists stays (`If-None-Match`). A store without conditional writes overwrites it, as it
    does without `new`; that is logged once for each bucket.
    """
    bucket = split(uri)[0]
    if new and bucket not in _unconditional:
        try:
            ask(uri, lambda s3: s3.put_file(path, uri, mode="create"))
            return True
        except StorageError as error:
            code = _code(error)
            if code == "PreconditionFailed":
                return False
            if code != "NotImplemented":
                raise
        _unconditional.add(bucket)
        logger.warning("%s%s has no conditional writes: of two writers of a file, the last one wins", S3, bucket)
    ask(uri, lambda s3: s3.put_file(path, uri))
    return True


def create(uri: str, data: bytes) -> bool:
    """Store bytes as an object unless it exists. Returns whether they were stored."""
    split(uri)
    try:
        ask(uri, lambda s3: s3.pipe_file(uri, data, mode="create"))
    except StorageError as error:
        if not isinstance(error.__cause__, FileExistsError):
            raise
        return False
    return True


def opened(uri: str, block_bytes: int) -> Any:
    """An object as an open file that fetches blocks as they are read."""
    split(uri)
    return ask(uri, lambda s3: s3.open(uri, "rb", block_size=block_bytes))


def delete(uris: list[str]) -> None:
    """Delete objects; missing ones are ignored. One request per 1000 objects."""
    keys: dict[str, list[str]] = {}
    for uri in uris:
        bucket, key = split(uri)
        keys.setdefault(bucket, []).append(key)
    for bucket, every in keys.items():
        for first in range(0, len(every), LISTED):
            _delete(bucket, every[first : first + LISTED])


def delete_all(uri: str) -> None:
    """Delete an object and all objects below it; missing ones are ignored."""
    own = [uri] if _split(uri)[1] else []  # a bucket is not an object
    delete([*own, *(found.uri for found in below(uri))])


def unfinished(uri: str) -> Iterator[tuple[str, str, datetime]]:
    """Key, upload id and start time of each unfinished multipart upload below a folder."""
    bucket, key = _split(uri)
    prefix = key.rstrip("/") + "/" if key else ""
    answer = ask(uri, lambda s3: s3.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=prefix))
    for upload in answer.get("Uploads") or []:
        yield upload["Key"], upload["UploadId"], upload["Initiated"]


def abort(uri: str, key: str, upload: str) -> None:
    """Abort a multipart upload in the bucket of a URI, which deletes its parts."""
    wanted = {"Bucket": _split(uri)[0], "Key": key, "UploadId": upload}
    ask(uri, lambda s3: s3.call_s3("abort_multipart_upload", **wanted))


def ask(uri: str, question: Callable[[Any], T]) -> T:
    """Result of a request through s3fs. Raises StorageError."""
    bucket = _split(uri)[0]
    with translated_errors(uri):
        answer = _patiently(uri, question, PATIENCE_S if bucket in _answered else 0.0)
    _answered.add(bucket)
    return answer


def forget() -> None:
    """Discard the clients. The next request creates one, which reads credentials and endpoint again."""
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
            forget()  # the cause may also be a dead connection
            pause_s = PAUSES_S[min(tries, len(PAUSES_S) - 1)]
            over = pause_s and time.monotonic() - started + pause_s > patience_s
            if not is_denied(error) or over:
                _answered.discard(_split(uri)[0])
                raise
            if tries == 1:
                logger.warning("%s: access is denied (%s); retrying for up to %.0f s", uri, error, patience_s)
            tries += 1
            time.sleep(pause_s)


def _client() -> Any:
    import s3fs  # imported late: needed only for S3 URIs

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
            raise PermissionError(f"deletion failed: {failed.get('Message') or failed.get('Code')}")


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri[len(S3) :].partition("/")
    return bucket, key


def _object(uri: str, answer: dict[str, Any]) -> Object:
    tag = answer.get("ETag", "").strip('"')
    return Object(uri, answer["ContentLength"], f"{answer['ContentLength']}-{tag}")


def _code(error: StorageError) -> str | None:
    """S3's code of an error; None for an error of another kind."""
    response = getattr(getattr(error.__cause__, "__cause__", None), "response", None) or {}
    return response.get("Error", {}).get("Code")
