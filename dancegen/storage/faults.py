"""Conversion of storage failures to StorageError, which names the URI."""

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from dancegen.errors import StorageDeniedError, StorageError, StorageFullError, StorageUnreachableError
from dancegen.storage.uri import is_remote

FULL = (errno.ENOSPC, errno.EDQUOT)
DENIED = {"400", "InvalidToken", "ExpiredToken", "TokenRefreshRequired"}  # S3 error codes; HEAD returns only 400


@contextmanager
def translated_errors(uri: str) -> Iterator[None]:
    """Convert errors of the block to a StorageError that names the URI and the cause."""
    try:
        yield
    except FileNotFoundError as error:
        raise StorageError(uri, "does not exist.", "Correct the path, or run the step that creates it.") from error
    except (NotADirectoryError, IsADirectoryError, FileExistsError) as error:
        raise StorageError(uri, f"cannot be used ({error}).", "Give another path.") from error
    except (OSError, *remote_errors(uri)) as error:
        raise _as_storage_error(uri, error) from error


@contextmanager
def full_disk_explained(uri: str) -> Iterator[None]:
    """Convert errors of the block that are caused by a full disk to StorageFullError; re-raise all others."""
    try:
        yield
    except (OSError, StorageError) as error:
        if is_full(error) and not isinstance(error, StorageFullError):
            raise _full(uri, error) from error
        raise


def is_full(error: BaseException | None) -> bool:
    """Whether the error or one of its causes reports a full disk."""
    while error is not None:
        if getattr(error, "errno", None) in FULL:
            return True
        error = error.__cause__
    return False


def is_denied(error: Exception) -> bool:
    """Whether S3 rejects the credentials, or none are available; renewed credentials may be accepted later."""
    from botocore.exceptions import CredentialRetrievalError, NoCredentialsError, PartialCredentialsError

    if isinstance(error, PermissionError | NoCredentialsError | PartialCredentialsError | CredentialRetrievalError):
        return True
    response = getattr(error.__cause__, "response", None) or {}
    return response.get("Error", {}).get("Code") in DENIED


def _as_storage_error(uri: str, error: Exception) -> StorageError:
    if is_full(error):
        return _full(uri, error)
    if is_remote(uri) and is_denied(error):
        remedy = "Check the credentials and their permissions."
        return StorageDeniedError(uri, f"access is denied ({error}).", remedy)
    if isinstance(error, PermissionError):
        return StorageError(uri, f"access is denied ({error}).", "Check the permissions.")
    where = "AWS_ENDPOINT_URL and the network" if is_remote(uri) else "the disk"
    return StorageUnreachableError(uri, f"cannot be reached ({error}).", f"Check {where}.")


def _full(uri: str, error: Exception) -> StorageFullError:
    place = tempfile.gettempdir() if is_remote(uri) else uri  # remote files are staged in the temporary folder
    remedy = "Free some space, or give another path" + (" in TMPDIR." if is_remote(uri) else ".")
    return StorageFullError(place, f"cannot be written: the disk is full ({error}).", remedy)


def remote_errors(uri: str) -> tuple[type[Exception], ...]:
    """Exception types of the S3 client besides OSError; empty for a local path."""
    if not is_remote(uri):
        return ()
    from botocore.exceptions import BotoCoreError, ClientError

    return BotoCoreError, ClientError
