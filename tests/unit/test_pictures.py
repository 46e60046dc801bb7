import cv2
import numpy as np
import torch

from dancegen.gan.settings import DanceModelConfig
from dancegen.media import audio
from dancegen.media.video import frames, probe
from dancegen.training.clips import Clips
from dancegen.training.pictures import POSES, SideBySide


def test_a_picture_and_a_video_show_each_clip_s_real_and_generated_dance_with_its_sound(tmp_path, make_clips):
    clips = Clips(make_clips(str(tmp_path / "clips"), train=1, validation=9), "validation", "body")
    batch = clips.some(2)
    assert torch.equal(batch.pose, clips.some(2).pose)
    dances = batch.pose.clone()
    dances[:, 10:] = dances[:, 10:11]  # freezes in the middle
    batch.mask[0, :, 0] = 0  # a joint that the real dance lacks
    both = SideBySide(batch, dances, DanceModelConfig())

    both.write_picture(tmp_path / "both.png")
    picture = cv2.imread(str(tmp_path / "both.png"))
    cell = picture.shape[0] // 4
    assert picture.shape[1] == cell * POSES
    poses = [picture[row * cell : (row + 1) * cell] for row in range(4)]
    assert (poses[0] != poses[1]).any()
    assert (poses[3][:, -cell:] == poses[3][:, -2 * cell : -cell]).all(), "the generated dance stands still at the end"
    assert (poses[2][:, -cell:] != poses[2][:, -2 * cell : -cell]).any()

    both.write_video(tmp_path / "both.mp4")
    info = probe(tmp_path / "both.mp4", "both.mp4")
    assert (info.width_px, info.height_px, info.has_audio) == (640, 240, True)
    shown = list(frames(tmp_path / "both.mp4", "both.mp4", 25.0))
    assert len(shown) == 100  # twice 2 s
    assert np.abs(shown[45][:, :320].astype(int) - shown[48][:, :320]).max() > 60, "the real one moves on"
    assert np.abs(shown[45][:, 320:].astype(int) - shown[48][:, 320:]).max() < 60
    heard = audio.load(tmp_path / "both.mp4", "both.mp4")
    expected = batch.audio.reshape(-1).numpy()
    assert np.corrcoef(heard[: len(expected)], expected[: len(heard)])[0, 1] > 0.7
