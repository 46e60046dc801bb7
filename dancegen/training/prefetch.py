"""Prefetching of batches during training."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
BATCHES = 2  # prefetched: pauses of the reader and of the training loop differ


def ahead(items: Iterator[T], count: int = BATCHES) -> Iterator[T]:
    """The same items in the same order; up to `count` are prefetched in another thread."""
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
