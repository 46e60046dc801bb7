"""What libraries in C++ write to the standard error by themselves, past Python and its loggers."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

STDERR = 2


@contextmanager
def held_back() -> Iterator[None]:
    """Keeps the standard error back; what was written to it is shown when the block fails."""
    sys.stderr.flush()
    shown = os.dup(STDERR)
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), STDERR)
        try:
            yield
        except BaseException:
            kept.seek(0)
            os.write(shown, kept.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(shown, STDERR)
            os.close(shown)
