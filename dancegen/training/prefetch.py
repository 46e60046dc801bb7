"""The next batches are made while one is learned from."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
BATCHES = 2  # that wait: the reader's pauses differ from those of the learner


def ahead(items: Iterator[T], count: int = BATCHES) -> Iterator[T]:
    """The same items in the same order; up to `count` are made in another thread before they are asked for."""
    with ThreadPoolExecutor(1) as maker:
        waiting: deque[Future[tuple[T, ...]]] = deque(maker.submit(_next, items) for _ in range(count))
        while item := waiting.popleft().result():
            waiting.append(maker.submit(_next, items))
            yield item[0]


def _next(items: Iterator[T]) -> tuple[T, ...]:
    """The next item alone; nothing at the end."""
    for item in items:
        return (item,)
    return ()
