import numpy as np
import pytest

from dancegen.pose.runs import NOBODY, unbroken_runs


@pytest.mark.parametrize(
    ("tracks", "cuts", "runs"),
    [
        ([], [], []),
        ([NOBODY] * 3, [], []),
        ([0, 0, 0], [], [(0, 3)]),
        ([0, 0, 1, 1], [], [(0, 2), (2, 4)]),
        ([NOBODY, 0, NOBODY, 0, NOBODY], [], [(1, 4)]),
        ([0, NOBODY, 1], [], [(0, 1), (2, 3)]),
        ([0, 0, 0, 0], [2], [(0, 2), (2, 4)]),
        ([0, NOBODY, NOBODY, 0], [2], [(0, 1), (3, 4)]),
        ([0, 1, 0], [], [(0, 1), (1, 2), (2, 3)]),
    ],
)
def test_a_run_ends_where_the_track_or_the_shot_changes(tracks, cuts, runs):
    assert [(run.start, run.stop) for run in unbroken_runs(np.array(tracks, dtype=np.int32), cuts)] == runs
