"""Every settings file that comes with the project can be used, and so can the example of every step."""

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from dancegen import fields
from dancegen.steps import STEPS
from dancegen.steps.command import load, step_command

ROOT = Path(__file__).parents[2]
FILES = sorted(path.relative_to(ROOT) for path in (ROOT / "configs").rglob("*.yaml"))
PRESETS = Path("configs/presets")
OTHER_NAMES = {"ablation": "search", "ablation_ren2020": "search"}  # settings files beside the one of their step
TO_BE_STATED = {"train_renderer": ["consent=The person agreed."]}  # by a step, and no file can state it for the user


def show(step: str, *words: str) -> None:
    answer = CliRunner().invoke(step_command(STEPS[step]), [*words, "--show"])
    assert answer.exit_code == 0, answer.output
    assert answer.stdout


def preset_step(name: str) -> str:
    """The step that a preset is for."""
    if name.startswith("renderer_"):
        return "train_renderer"
    return "pretrain_perceptual" if name.endswith("stgcn") else "train_dance"


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)


def test_every_step_has_its_settings_file_and_its_job():
    names = {path.stem for path in FILES if path.parent == Path("configs")}
    assert names == set(STEPS) | set(OTHER_NAMES)
    assert {path.stem for path in (ROOT / "jobs").glob("[a-z]*.py")} == set(STEPS)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_settings_file_loads(path: Path):
    if path.parent == PRESETS:
        step = preset_step(path.stem)
        show(step, f"configs/{step}.yaml", f"base={path}", *TO_BE_STATED.get(step, []))
    else:
        step = OTHER_NAMES.get(path.stem, path.stem)
        show(step, str(path), *TO_BE_STATED.get(step, []))


@pytest.mark.parametrize("step", STEPS)
def test_the_help_of_a_step_shows_what_it_needs_what_is_given_most_and_an_example_that_works(step: str):
    kind = load(STEPS[step].settings)
    known, often = dict(fields.walk(kind)), STEPS[step].often.split()
    shown = CliRunner().invoke(step_command(STEPS[step]), ["--help"], terminal_width=200).output
    for name, field in kind.model_fields.items():
        assert not field.is_required() or f"  {name}=... " in shown
    assert len(set(often)) == 10
    for name in often:
        assert not known[name].is_required()
        assert f"  {name}={fields.default_text(known[name])}" in shown
    example = f"{STEPS[step].command} {STEPS[step].example}"
    assert f"{example}\n" in shown
    show(step, *shlex.split(example)[1:])
