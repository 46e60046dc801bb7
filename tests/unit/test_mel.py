"""Mel bands are those of librosa."""

import numpy as np
import pytest

from dancegen.media.audio import SAMPLE_RATE
from dancegen.music.mel import mel_filters

pytestmark = pytest.mark.xdist_group("librosa")  # compiled in one process


@pytest.mark.parametrize(("window", "bands"), [(1024, 64), (512, 40), (2048, 128)])
@pytest.mark.filterwarnings("ignore:Empty filters")
def test_mel_bands_are_librosas(window, bands):
    from librosa.filters import mel

    expected = mel(sr=SAMPLE_RATE, n_fft=window, n_mels=bands, fmin=30.0).T
    assert np.array_equal(mel_filters(window, bands), expected)
