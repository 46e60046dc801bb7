"""The shapes in signatures are checked while the tests run: /conftest.py."""

import numpy as np
import pytest
from jaxtyping import TypeCheckError

from dancegen.steps.import_poses.formats.npz import _as_coco18
from dancegen.steps.import_poses.formats.recording import Recording, nearest_frames


def test_an_array_with_a_dimension_too_many_is_refused():
    with pytest.raises(TypeCheckError, match="times_s"):
        nearest_frames(np.zeros((1, 5)), 10.0)


def test_an_array_of_another_type_is_refused():
    with pytest.raises(TypeCheckError, match="joints"):
        _as_coco18(np.zeros((5, 18, 3), np.float64))


def test_an_array_of_the_wrong_length_in_a_dataclass_is_refused():
    with pytest.raises(TypeCheckError, match="joints"):
        Recording("a", "a", "a", "a", np.zeros((5, 17, 3), np.float32), 10.0, 64, 48)
