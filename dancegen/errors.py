"""Errors that the user can fix. All other exceptions are bugs and keep their traceback."""


class DanceGenError(Exception):
    """One message: `{subject}: {what is wrong, with the value}. {what to do}.`

    The command line prints it and exits with code 2. All three parts are positional so that the
    error crosses process boundaries (pickle calls `type(error)(*error.args)`).
    """

    def __init__(self, subject: str, problem: str, remedy: str) -> None:
        super().__init__(subject, problem, remedy)
        self.subject, self.problem, self.remedy = subject, problem, remedy

    def __str__(self) -> str:
        return f"{self.subject}: {self.problem} {self.remedy}"


class ConfigError(DanceGenError):
    """A setting is unknown, of the wrong type, or inconsistent with other settings."""


class StorageError(DanceGenError):
    """A URI cannot be read or written."""


class StorageExistsError(StorageError):
    """A file that was to be new was written by another process meanwhile."""


class StorageUnreachableError(StorageError):
    """Storage does not respond. The request may succeed when it is retried."""


class StorageDeniedError(StorageUnreachableError):
    """Storage rejects the credentials, as it also does temporarily while they are rotated."""


class StorageFullError(StorageUnreachableError):
    """No space is left on the device."""


class TableError(DanceGenError):
    """A table is missing, has another schema, or has another format version."""


class BadMediaError(DanceGenError):
    """A video or a song cannot be used. The message is stored in the `error` column of its row."""


class CheckpointError(DanceGenError):
    """A checkpoint is missing, damaged, or has another format version."""


class ClusterError(DanceGenError):
    """A Ray cluster cannot be reached, or lacks the resources that were requested."""


class TooManyBadRowsError(DanceGenError):
    """A larger share of the rows than `max_error_fraction` ended with an error."""


class DivergedError(DanceGenError):
    """Training diverged: a loss became NaN or Inf or exploded, or generated poses left the range of real ones."""
