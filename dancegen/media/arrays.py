"""The arrays of a NumPy archive (NPZ) of unknown origin."""

import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from dancegen.errors import BadMediaError

DAMAGE = (
    *(ValueError, LookupError, OSError, EOFError, AttributeError, TypeError),
    *(MemoryError, RuntimeError),  # a header that states a huge array; one that is nested deeply, an encrypted archive
    *(SyntaxError, tokenize.TokenError, zipfile.BadZipFile, zlib.error),
)


def load_arrays(path: Path, subject: str, kind: str, remedy: str) -> dict[str, Any]:
    """The arrays by name. No code in the file is run.

    Raises BadMediaError when it is not a NumPy archive, is damaged, or states more data than memory has room for.
    `kind` says in the message what the file should be.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
    except DAMAGE as error:
        raise BadMediaError(subject, f"is not {kind}, or is damaged ({error}).", remedy) from error
