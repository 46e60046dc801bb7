"""Where the segments of a song begin and end: as few as the setting allows, all of one length but for a frame."""

from math import ceil


def segment_count(frames: int, fps: float, longest_s: float | None) -> int:
    """Number of segments of so many frames; 1 for a song that is rendered whole, as all are if `longest_s` is None."""
    return 1 if longest_s is None else max(1, ceil(frames / max(1, round(longest_s * fps))))


def segment_frames(frames: int, number: int, count: int) -> slice:
    """The frames of a segment, counted from 0, of a song with so many frames."""
    return slice(number * frames // count, (number + 1) * frames // count)
