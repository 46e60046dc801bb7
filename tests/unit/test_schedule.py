"""Which rows a pool runs next, how many actors it has, and what becomes of the rows of a lost one."""

import pytest

from dancegen.engine.table_jobs.schedule import BATCH_S, LOSSES, Batch, Schedule


def rows(count: int) -> list[dict]:
    return [{"uri": f"/{number}"} for number in range(count)]


def schedule(count: int, actors: int = 2, min_actors: int = 1) -> Schedule:
    made = Schedule(iter(rows(count)), actors, min_actors)
    assert made.take() == (count > 0)
    return made


def uris(batch: Batch | None) -> list[str]:
    assert batch is not None
    return [row["uri"] for row in batch.rows]


def test_rows_are_taken_only_as_they_are_needed():
    given = iter(rows(1000))
    made = Schedule(given, 4, 1)
    made.take()
    assert next(given)["uri"] == "/8", "two for each actor"


def test_short_rows_are_handed_out_together_and_slow_ones_alone_at_once():
    made = schedule(1000)
    for _ in range(10):
        batch = made.batch()
        assert batch is not None
        made.ended(batch, [BATCH_S / 100] * len(batch.rows))
        made.take()
    several = made.batch()
    assert several is not None
    assert 20 < len(several.rows) <= 100
    made.ended(several, [10.0])
    assert uris(made.batch()) == [several.rows[1]["uri"]], "the others of the batch are the next ones"


def test_the_pool_doubles_while_rows_wait_and_ends_actors_when_none_are_left():
    made = schedule(8, actors=8)
    assert made.to_start(0, 0, 0, now_s=0.0) == 1
    assert made.to_start(1, 0, 0, now_s=0.5) == 0
    assert made.to_start(0, 0, 1, now_s=2.0) == 1
    assert made.to_start(0, 0, 4, now_s=4.0) == 4
    assert made.to_start(0, 1, 4, now_s=8.0) == 0, "one is idle"
    assert made.to_end(idle=3, busy=2) == 0
    while made.batch():
        pass
    made.take()
    assert made.to_end(idle=3, busy=2) == 3
    assert schedule(0, min_actors=2).to_end(idle=3, busy=1) == 2, "as many as min_actors stay"


def test_the_rows_of_a_lost_actor_are_run_alone_and_one_that_loses_several_is_given_up():
    made, batch, given_up = schedule(0), Batch(rows(2)), []
    for number in range(LOSSES):
        given_up = made.lost(batch, held_s=6.0, with_node=False)
        if number < LOSSES - 1:
            assert given_up == []
            first, second = made.batch(), made.batch() if number == 0 else Batch(rows(2)[1:])
            assert (uris(first), uris(second)) == (["/0"], ["/1"])
            assert first is not None
            assert first.again
            batch = Batch([first.rows[0]])
    assert given_up == [{"uri": "/0", "wasted_s": 3.0 + 6.0 + 6.0}]


def test_a_row_is_not_to_blame_for_the_loss_of_a_node():
    made = schedule(1, actors=1)
    batch = made.batch()
    for _ in range(2 * LOSSES):
        assert batch is not None
        assert made.lost(batch, 1.0, with_node=True) == []
        batch = made.batch()
    assert batch is not None
    assert batch.rows[0]["wasted_s"] == pytest.approx(2 * LOSSES)


def test_after_a_stop_no_row_is_handed_out():
    made = schedule(100)
    made.stop()
    assert not made.take()
    assert made.batch() is None
    assert made.to_end(idle=2, busy=0) == 1
