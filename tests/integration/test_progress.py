import threading

import pytest

from dancegen.engine.progress import EventQueue

pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")]


def test_all_events_that_were_told_are_taken(ray_session):
    board, taken = EventQueue(), []
    with board.read_by(taken.append):
        for number in range(5):
            board.put(number=number)
    assert sorted(taken, key=lambda event: event["number"]) == [{"number": number} for number in range(5)]


def test_what_the_reader_of_events_raises_is_shown_at_once_and_raised_at_the_end(ray_session, monkeypatch):
    shown = threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda args: shown.set() if args.exc_type is KeyError else None)

    def train():
        board = EventQueue()
        with board.read_by(lambda event: event["epoch"]):
            board.put(kind="steps")
            assert shown.wait(60), "while the block runs"

    with pytest.raises(KeyError, match="epoch"):
        train()


def test_an_error_of_the_block_itself_comes_first(ray_session):
    def train():
        board = EventQueue()
        with board.read_by(lambda event: event["epoch"]):
            board.put(kind="steps")
            raise ValueError("training")

    with pytest.raises(ValueError, match="training"):
        train()
