import pytest

from dancegen.engine.prices import ActorPrice
from dancegen.engine.table_jobs.job import Status
from dancegen.engine.table_jobs.settings import Parallel
from dancegen.engine.table_jobs.summary import SetAside, Summary, describe
from dancegen.errors import TooManyBadRowsError


def aside(uri, problem, **how):
    return SetAside(uri, f"{uri}: {problem}", **how)


def test_the_three_most_frequent_reasons_are_told_with_their_counts_and_an_example():
    rows = [aside(f"/long/{n}.mp4", f"took longer than {n} s. Cut it.") for n in range(5)]
    rows += [aside(f"s3://b/{n}.mp4", "holds no video. Leave it out.") for n in range(7)]
    rows += [aside("/a b/x.mp4", "is silent.")] * 2 + [aside("y", "is odd."), aside("z", "is even.")]
    assert describe(rows, 100, "videos", "data/poses").split("\n") == [
        "16 of 100 videos set aside; reasons in data/poses, column error",
        "  7 x holds no video. Leave it out. Example: s3://b/0.mp4",
        "  5 x took longer than 0 s. Cut it. Example: /long/0.mp4",
        "  2 x is silent. Example: /a b/x.mp4",
        "  2 x 2 other reasons",
    ]


def test_a_reason_stays_on_one_line_of_bearable_length():
    row = aside("/a.mp4", "cannot be decoded:\n" + "and so on " * 100)
    (_, line) = describe([row], 1, "videos", "data/poses").split("\n")
    assert line.startswith("  1 x cannot be decoded: and so on")
    assert len(line) < 300


def test_one_bad_row_of_four_is_told_with_what_to_set_and_one_of_a_hundred_passes():
    bad = [aside("/a.mp4", "is broken. Mend it.")]
    Summary("videos", "data/poses", 100, 0, Parallel(), set_aside=bad).check()
    with pytest.raises(TooManyBadRowsError) as error:
        Summary("videos", "data/poses", 4, 0, Parallel(), set_aside=bad).check()
    assert str(error.value) == (
        "data/poses: 1 of 4 videos ended with an error; the first: /a.mp4: is broken. Mend it. "
        "3 are done and stay usable. If this is expected, set max_error_fraction=0.25 (now 0.05)."
    )


def ended(uri, seconds, error=None):
    return Status(
        uri=uri,
        error=error,
        judged=False,
        trace=None,
        units=30,
        busy_s=seconds,
        bytes=9,
        times={"pictures_s": seconds / 2},
        counts={"dances were reused": int(seconds > 0), "mistakes": 0},
    )


def test_a_summary_tells_what_was_held_for_what_and_what_the_rest_will_need():
    summary = Summary(
        "songs", "renders", 100, 20, Parallel(cpus_per_actor=2), unit="frames", price=ActorPrice(1.8, "USD")
    )
    summary.opened = 40
    summary.spending.actor_started("a", 0.0)
    for number in range(10):
        summary.count(ended(f"/{number}", 360.0, error="is broken." if number == 0 else None))
    summary.spending.lost_s = 360.0
    assert summary.postfix().endswith("1 set aside, left: 4.4 to 4.4 h, 7.92 to 7.92 USD")
    summary.spending.actor_ended("a", 4400.0)
    lines = str(summary).split("\n")
    assert lines[0] == "29 of 100 songs done (20 done before) in 0 s: renders"
    assert "; 2.44 CPU hours, cost 2.20 USD" in lines[1]
    assert lines[2] == "  of the time: 74% good rows, 16% failed attempts, 10% start and idle; pictures 0.5 h"
    assert lines[3] == "  10 dances were reused"
    assert summary.left == 70
    assert summary.expected == 40, "half of the rows in the other shards are done, as in those that were opened"
    assert summary.rest(actors=2) == "2.2 to 2.2 h, 7.92 to 7.92 USD", "with the share of lost attempts"
