import json

import pytest

from dancegen import config
from dancegen.engine.training.run_folder import STAMP, claim
from dancegen.errors import ConfigError
from dancegen.gan.settings import DanceModelConfig
from dancegen.steps.render.settings import RenderConfig
from dancegen.steps.search.settings import SearchConfig
from dancegen.steps.train_dance.settings import TrainDanceConfig
from dancegen.training.model_selection import BestModel


def test_a_settings_file_of_an_earlier_release_is_read_with_a_notice_for_each_former_name(tmp_path, capsys):
    preset = tmp_path / "preset.yaml"
    preset.write_text("model:\n  ema: 0.9\n  generator: {noise: 4, audio: {hears: waveform}}\n")
    file = tmp_path / "old.yaml"
    file.write_text(f"base: {preset.name}\nbest_by: misfit\ncheckpoints_kept: 5\nmodel: {{tone_db: 3}}\n")
    read = config.load(TrainDanceConfig, str(file), ["workers_min=1", "model.ema_decay=0.5"])
    assert (read.monitor, read.num_to_keep, read.min_workers) == ("motion_error", 5, 1)
    assert (read.model.ema_decay, read.model.eq_augment_db) == (0.5, 3)
    assert (read.model.generator.noise_dim, read.model.generator.audio.input) == (4, "waveform")
    notices = capsys.readouterr().err.splitlines()
    assert f"{file}: checkpoints_kept is now num_to_keep." in notices
    assert f"{file}: monitor=misfit is now monitor=motion_error." in notices
    assert f"{preset}: hears is now input." in notices
    assert "key=value: workers_min is now min_workers." in notices


def test_a_setting_under_both_names_is_refused(tmp_path):
    file = tmp_path / "both.yaml"
    file.write_text("songs: s\noutput: o\nmax_bad_share: 0.5\nmax_error_fraction: 0.1\n")
    with pytest.raises(ConfigError, match="max_bad_share is the former name of max_error_fraction: remove one"):
        config.load(RenderConfig, str(file))


def test_a_search_space_and_the_rows_of_an_ablation_may_have_former_names():
    search = config.validate(SearchConfig, {"space": {"tone_db": [1, 9]}, "samples": 3})
    assert search.space == {"eq_augment_db": (1.0, 9.0)}
    assert search.num_samples == 3
    rows = {"quiet": {"tone_db": 0, "generator": {"noise": 2}}}
    assert config.validate(SearchConfig, {"rows": rows}).ablation == {
        "quiet": {"eq_augment_db": 0, "generator": {"noise_dim": 2}}
    }


def test_a_run_of_an_earlier_release_resumes_in_its_folder(tmp_path):
    run = TrainDanceConfig(clips="clips", output=str(tmp_path), model=DanceModelConfig(ema_decay=0.9))
    stamp = tmp_path / STAMP
    assert not claim(str(tmp_path), run, "hash", frozenset())
    stamp.write_text(stamp.read_text().replace("ema_decay", "ema").replace("motion_error", "misfit"))
    assert claim(str(tmp_path), run, "hash", frozenset())
    assert json.loads(stamp.read_text())["settings"]["model"]["ema_decay"] == 0.9
    with pytest.raises(ConfigError, match=r"ema_decay was 0\.9 and is 0\.8"):
        claim(str(tmp_path), run.model_copy(update={"model": DanceModelConfig(ema_decay=0.8)}), "hash", frozenset())


def test_the_best_model_of_an_earlier_release_stays_the_best():
    best = BestModel("motion_error", 3, 30, {"validation/motion_error": 0.2})
    former = {**best.state(), "by": "misfit", "metrics": {"validation/misfit": 0.2}}
    assert BestModel.restored(former) == best == BestModel.restored(best.state())
