"""The table of an ablation, from scores whose means and intervals are known."""

import pytest

from dancegen import config as settings
from dancegen.errors import ConfigError
from dancegen.metrics.scores import Score
from dancegen.steps.search.ablation_table import markdown, page, tabulate
from dancegen.steps.search.ranking import training
from dancegen.steps.search.settings import SearchConfig

ROWS = {"l1": {"losses": {"perceptual": 0.0}}, "<b>full": {"losses": {"perceptual": 1.0, "l1": 7.0}}}


def ablation(**changes):
    return settings.validate(SearchConfig, {"ablation": ROWS, "seeds": 3, "train": {"clips": "clips"}, **changes})


def scored(value, metric="fid_k2", whose="made"):
    return Score(metric, whose, value, value - 1, value + 1, 70, 70)


SCORES = {
    "l1": {
        seed: [scored(value), scored(0.5, "beat_alignment", "shuffled")] for seed, value in enumerate((1.0, 2.0, 3.0))
    },
    "<b>full": {0: [scored(5.0), scored(9.0, whose="real")]},
}


def test_a_cell_is_the_mean_over_the_seeds_and_students_interval():
    cell = tabulate(SCORES)["l1"]["fid_k2"]
    assert (cell.mean, cell.seeds) == (2.0, 3)
    assert cell.high - cell.mean == pytest.approx(4.3027 / 3**0.5, rel=1e-3)  # t of two degrees of freedom
    assert cell.mean - cell.low == pytest.approx(cell.high - cell.mean)


def test_of_one_seed_the_interval_is_that_over_songs():
    cell = tabulate(SCORES)["<b>full"]["fid_k2"]
    assert (cell.low, cell.mean, cell.high) == (4.0, 5.0, 6.0)


def test_shuffled_songs_are_a_line_of_their_own_and_what_was_not_measured_is_no_line():
    table = tabulate(SCORES)
    assert table["l1, shuffled"]["beat_alignment"].mean == 0.5
    assert "<b>full, shuffled" not in table
    assert tabulate({"l1": {}}) == {}


def test_markdown_has_a_line_a_metric_and_a_column_a_row_with_the_control_beside_the_value():
    scores = {"l1": {0: [scored(3.0), scored(0.75, "beat_alignment"), scored(0.5, "beat_alignment", "shuffled")]}}
    lines = markdown(ablation(), tabulate(scores)).splitlines()
    assert "2 rows, 3 seeds each" in lines[0]
    assert lines[2].startswith("|  | l1 |")
    assert lines[4].startswith("| fid_k2 (lower) | 3 [2, 4] |")
    assert lines[5].startswith("| beat_alignment (higher) | 0.75 [-0.25, 1.75]; shuffled 0.5 |")


def test_names_of_rows_cannot_become_markup():
    assert "<b>full" not in page(ablation(), tabulate(SCORES))


def test_a_row_changes_what_it_names_and_its_seed_and_nothing_else():
    config = ablation(train={"clips": "clips", "seed": 4, "model": {"losses": {"l1": 3.0}}})
    l1, full = (training(config, {"row": row, "seed": 2}) for row in ROWS)
    assert (l1.seed, l1.model.losses.l1, l1.model.losses.perceptual) == (6, 3.0, 0.0)
    assert (full.model.losses.l1, full.model.losses.perceptual) == (7.0, 1.0)
    assert full.model_copy(update={"model": l1.model}) == l1
    assert config.trainings == 6


def test_a_row_that_is_wrong_is_named_with_what_is_wrong_in_it():
    with pytest.raises(ConfigError, match=r"ablation\.l1\.losses\.perceptul"):
        ablation(ablation={"l1": {"losses": {"perceptul": 1}}})
