"""Messages of a job to the user who started it, for steps that do not need Ray for them."""

import sys

from tqdm import tqdm


def notify(message: str) -> None:
    """Print one line for the user, above any progress line."""
    tqdm.write(message, file=sys.stderr)


def interval_s() -> float:
    """Seconds between two updates of a progress line: a log file needs fewer than a terminal."""
    return 0.2 if sys.stderr.isatty() else 5.0
