"""Every settings file that comes with the project can be used, and so can every command in README and runbook."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from dancegen import fields
from dancegen.cli import beats, compare_estimators, dance, doctor, export, gallery, import_weights, jobs, logs, study
from dancegen.steps import STEPS
from dancegen.steps.command import load, step_command

ROOT = Path(__file__).parents[2]
FILES = sorted(path.relative_to(ROOT) for path in (ROOT / "configs").rglob("*.yaml"))
PRESETS = Path("configs/presets")
OTHER_NAMES = {"ablation": "search", "ablation_ren2020": "search"}  # settings files beside the one of their step
BY_COMMAND = {step.command: name for name, step in STEPS.items()}
TO_BE_STATED = {"train_renderer": ["consent=The person agreed."]}  # by a step, and no file can state it for the user
STANDS_FOR_MADE = {"best.yaml": "configs/train_dance.yaml"}  # what another step writes


def readme_commands() -> list[str]:
    text = "".join((ROOT / name).read_text() for name in ("README.md", "cluster/README.md", "docs/operations.md"))
    blocks = re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").split("\n")
    found = [re.search(r"(?:^|\s)((?:dancegen|python -m jobs\.)\s*\S+.*)$", line) for line in lines]
    return [match.group(1) for match in found if match]


def show(step: str, *words: str) -> None:
    made = [STANDS_FOR_MADE.get(Path(word).name, word) for word in words]
    answer = CliRunner().invoke(step_command(STEPS[step]), [*made, "--show"])
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


@pytest.mark.parametrize("command", readme_commands())
def test_a_command_of_the_readme_can_be_given(command: str):
    words = shlex.split(command, comments=True)
    words = [words[2].removeprefix("jobs.").replace("_", "-"), *words[3:]] if words[0] == "python" else words[1:]
    match words:
        case ["dance", *rest]:
            dance.make_context("dance", rest)
        case ["beats", *rest]:
            beats.make_context("beats", rest)
        case ["export", *rest]:
            export.make_context("export", rest)
        case ["gallery", *rest]:
            gallery.make_context("gallery", rest)
        case ["compare-estimators", *rest]:
            compare_estimators.make_context("compare-estimators", rest)
        case ["study", part, *rest]:
            given = rest[: rest.index(">")] if ">" in rest else rest
            study.commands[part].make_context(part, given)
        case ["jobs", part, *rest]:
            jobs.commands[part].make_context(part, rest)
        case ["logs", *rest]:
            logs.make_context("logs", rest)
        case ["doctor", *rest]:
            doctor.make_context("doctor", rest)
        case ["import-weights", *rest]:
            import_weights.make_context("import-weights", rest)
        case [step, *rest]:
            show(BY_COMMAND[step], *rest)
