"""What a job tells the person who started it, for steps that need no Ray for that."""

import sys

from tqdm import tqdm


def say(message: str) -> None:
    """One line for the person who started the job, above any progress line."""
    tqdm.write(message, file=sys.stderr)


def interval_s() -> float:
    """Seconds between two states of a progress line: a log file needs fewer than a terminal."""
    return 0.2 if sys.stderr.isatty() else 5.0
