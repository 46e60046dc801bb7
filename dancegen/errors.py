"""Errors that a person can fix. Everything else is a bug and keeps its traceback."""


class DanceGenError(Exception):
    """One clear line: `{which thing}: {what is wrong, with the value}. {what to do}.`

    The command line prints it and exits with code 2. All three parts are positional so that the
    error crosses process borders (pickle calls `type(error)(*error.args)`).
    """

    def __init__(self, thing: str, problem: str, remedy: str) -> None:
        super().__init__(thing, problem, remedy)
        self.thing, self.problem, self.remedy = thing, problem, remedy

    def __str__(self) -> str:
        return f"{self.thing}: {self.problem} {self.remedy}"


class ConfigError(DanceGenError):
    """A setting is unknown, of the wrong type, or does not fit the others."""


class StorageError(DanceGenError):
    """A URI cannot be read or written."""


class StorageUnreachableError(StorageError):
    """Storage does not answer now: what was asked of it may work a moment later."""


class StorageDeniedError(StorageUnreachableError):
    """Storage refuses the credentials, as it also does for a while when they are replaced."""


class StorageFullError(StorageUnreachableError):
    """There is no space left."""


class TableError(DanceGenError):
    """A table is missing, of another schema, or of another format version."""


class BadMediaError(DanceGenError):
    """A video or a song cannot be used. Rows carry its text in their `error` column."""


class CheckpointError(DanceGenError):
    """A checkpoint is missing, damaged, or of another format version."""


class ClusterError(DanceGenError):
    """A Ray cluster cannot be reached, or is too small for what was asked."""


class TooManyBadRowsError(DanceGenError):
    """More rows than `max_bad_share` ended with an error."""


class DivergedError(DanceGenError):
    """A loss became NaN or infinite while training, exploded, or the generated poses left the range of real ones."""
