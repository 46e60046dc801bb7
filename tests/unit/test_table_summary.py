import pytest

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
