"""Ranking, tables and plots of a search's trainings, and the settings of what is searched."""

import csv
import io
import re

import pytest
import yaml

from dancegen import config as settings
from dancegen.errors import ConfigError
from dancegen.steps.search import plots as search_plots
from dancegen.steps.search.ranking import Trial, best_yaml, common_epoch, ranked, summary, table
from dancegen.steps.search.settings import SearchConfig
from dancegen.steps.train_dance.settings import TrainDanceConfig

SPACE = {"losses.l1": [1, 100], "optimizer.generator_rate": [1e-4, 1e-2]}


def make_config(**changes) -> SearchConfig:
    return settings.validate(SearchConfig, {"train": {"epochs": 8}, "space": SPACE, **changes})


def trial(name: str, motion_errors: list[float], state: str = "done", l1: float = 10.0, rate: float = 1e-3) -> Trial:
    history = {epoch: {"validation/motion_error": motion_error} for epoch, motion_error in enumerate(motion_errors, 1)}
    return Trial(name, state, {"losses.l1": l1, "optimizer.generator_rate": rate}, history)


@pytest.fixture
def trials() -> list[Trial]:
    found = [
        trial("failed", [0.1] * 8, "failed"),
        trial("young and good", [0.5, 0.4], "stopped", l1=20.0),
        trial("diverged", [0.1] * 7, "diverged"),
        trial("old and fair", [3.0, 2.5, 2.0, 1.9, 1.8, 1.7, 1.6, 1.5], l1=30.0, rate=2e-3),
        trial("old and better", [3.0, 2.6, 2.0, 1.9, 1.8, 1.7, 1.6, 1.4], l1=40.0, rate=5e-3),
    ]
    return ranked(found, "motion_error")


def test_a_training_that_was_stopped_is_never_the_best_however_good_it_was_when_young(trials):
    names = ["old and better", "old and fair", "young and good", "diverged", "failed"]
    assert [one.id for one in trials] == names
    assert "the best of the 2 that reached this epoch, of 5 (2 done, 1 stopped, 1 diverged, 1 failed)" in summary(
        trials, "motion_error"
    )


def test_the_table_compares_all_trainings_after_the_same_epoch(trials):
    assert common_epoch(trials) == 2
    rows = list(csv.DictReader(io.StringIO(table(trials, "motion_error"))))
    assert [row["motion_error after epoch 2"] for row in rows[:3]] == ["2.6", "2.5", "0.4"]
    assert [row["validation/motion_error"] for row in rows[:3]] == ["1.4", "1.5", "0.4"]


def test_best_yaml_is_the_training_with_the_best_values(trials, tmp_path):
    path = tmp_path / "best.yaml"
    path.write_text(best_yaml(make_config(), trials))
    best = settings.load(TrainDanceConfig, str(path))
    assert (best.model.losses.l1, best.model.optimizer.generator_rate) == (40.0, 5e-3)
    assert best.epochs == 8
    assert path.read_text().startswith("# Found by search: motion_error 1.4 after 8 epochs")


def test_importance_finds_the_setting_that_decides():
    config = make_config(num_samples=30)
    steps = [index / 29 for index in range(30)]
    found = [
        # l1 decides how good a training is; the rate is strewn evenly over its range
        trial(f"{index}", [abs(step - 0.3)] * 8, l1=100**step, rate=1e-4 * 100 ** (index * 7 % 30 / 29))
        for index, step in enumerate(steps)
    ]
    page = search_plots.importance(config, ranked(found, "motion_error"))
    (bars,) = re.findall(r'"y":\["(\w+)","(\w+)"\]', page)
    assert bars == ("generator_rate", "l1")  # the last bar is the topmost
    assert search_plots.few(found) is None


def test_too_few_trainings_for_importance_are_told_on_the_page_and_in_a_line(trials):
    line = search_plots.few(trials)
    assert line == "4 trainings are too few to show which settings matter: run 20 or more"
    assert line in search_plots.importance(make_config(), trials)


@pytest.mark.parametrize("count", [1, 5])
def test_the_plots_are_whole_pages_that_need_no_network(trials, count):
    for page in (
        search_plots.importance(make_config(), trials[:count]),
        search_plots.coordinates(make_config(), trials[:count]),
    ):
        assert not re.search(
            r"<(?:script|link|img)[^>]*(?:src|href)=", page[: page.index("plotly.js v")] + page[-5000:]
        )
        assert "Plotly.newPlot" in page


def test_the_parallel_coordinates_have_a_line_for_each_training_that_did_not_fail(trials):
    page = search_plots.coordinates(make_config(), trials)
    assert len(re.findall(r'"mode":"lines"', page[-20_000:])) == 4
    for axis in ("place", "epochs", "motion_error @2", "l1", "generator_rate"):
        assert f'"{axis}"' in page[-20_000:]


def test_every_mistake_in_the_space_is_told_with_what_may_have_been_meant():
    space = {
        "l1": [1, 2],
        "losses.lone": [1, 2],
        "optimizer.generator_rat": [1, 2],
        "losses.velocity": [2, 1],
        "ema_decay": [0.5, 2],
        "generator.width": [64, 512],
        "fps": [10, 30],
    }
    with pytest.raises(ConfigError) as caught:
        make_config(space=space)
    lines = [line.strip() for line in str(caught.value).splitlines()[1:-1]]
    assert len(lines) == len(space)
    assert all(line.startswith("space: ") for line in lines)
    for line, said in zip(
        lines,
        [
            "l1 is not a searchable setting of the model (did you mean losses.l1?)",
            "(did you mean losses.l1?)",
            "(did you mean optimizer.generator_rate?)",
            "losses.velocity must be [low, high] with low < high, and is [2, 1]",
            "ema_decay=2: input should be less than 1",
            "generator.width is not a searchable setting",
            "fps is not a searchable setting",
        ],
        strict=True,
    ):
        assert said in line


def test_a_configuration_keeps_what_is_searched_when_it_is_written_and_read():
    config = make_config()
    assert SearchConfig.model_validate(yaml.safe_load(settings.to_yaml(config))) == config
