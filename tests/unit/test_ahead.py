"""Batches are made in another thread before they are asked for, and nothing else changes."""

import threading

import pytest

from dancegen.training.prefetch import ahead


def test_the_items_come_in_their_order_each_once():
    assert list(ahead(iter(range(50)))) == list(range(50))
    assert list(ahead(iter([None, 0, ""]))) == [None, 0, ""]
    assert list(ahead(iter([]))) == []


def test_the_next_items_are_made_by_another_thread_while_one_is_used_and_no_more_of_them():
    made, wanted = [], threading.Semaphore(0)

    def items():
        for number in range(10):
            made.append((number, threading.current_thread()))
            wanted.release()
            yield number

    found = ahead(items(), count=2)
    assert next(found) == 0
    for _ in range(3):
        assert wanted.acquire(timeout=60)  # the first, and two that wait
    assert [number for number, _ in made] == [0, 1, 2]
    assert threading.current_thread() not in [thread for _, thread in made]
    assert list(found) == list(range(1, 10))


def test_a_mistake_while_an_item_is_made_comes_at_its_place():
    def items():
        yield "good"
        raise ValueError("broken")

    found = ahead(items())
    assert next(found) == "good"
    with pytest.raises(ValueError, match="broken"):
        next(found)


def test_who_stops_early_leaves_no_thread_behind():
    before = threading.active_count()
    found = ahead(iter(range(100)))
    assert next(found) == 0
    found.close()
    assert threading.active_count() == before
