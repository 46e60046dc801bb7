"""Commands in the documentation can be given as they are written, and the files that it names exist."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from dancegen import schema, tables
from dancegen.cli import main
from dancegen.steps import STEPS

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT)
    for pattern in ("*.md", "cluster/*.md", "docs/*.md", "dancegen/**/*.md")
    for path in ROOT.glob(pattern)
    if path.name != "CHANGELOG.md"  # it names files of earlier releases
)
GUIDES = [page for page in PAGES if page.parts[0] != "dancegen"]  # cards of checkpoints record how these were made
STEP_COMMANDS = {step.command for step in STEPS.values()}
MADE = {"best.yaml": "configs/train_dance.yaml"}  # settings files that another step writes, and what stands for them
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
OURS = re.compile(r"(?:^|[\s(])(dancegen [a-z]\S*.*|python -m jobs\.\w+.*)$")
NAMED_FILE = re.compile(r"`((?:benchmarks|cluster|configs|dancegen|docs|jobs|tests)/[\w./-]+\.\w+)`")


def blocks(page: Path, kind: str) -> list[str]:
    return [block for found, block in BLOCK.findall((ROOT / page).read_text()) if found == kind]


def commands() -> list[str]:
    """The commands of dancegen in all blocks, one per line, without what surrounds them."""
    lines = [
        line for page in GUIDES for block in blocks(page, "bash") for line in block.replace("\\\n", " ").split("\n")
    ]
    return sorted({match.group(1) for line in lines if (match := OURS.search(line))})


def words_of(command: str) -> list[str]:
    """The words that dancegen gets, without comments and redirections."""
    words = shlex.split(command, comments=True)
    ends = [number for number, word in enumerate(words) if re.fullmatch(r"\d?>|&&|\|", word)]
    words = words[: min(ends, default=None)]
    if words[0] == "python":
        return [words[2].removeprefix("jobs.").replace("_", "-"), *words[3:]]
    return words[1:]


def parse(command: click.Command, words: list[str]) -> None:
    """Parse as on the command line, without running the command; a subcommand by its group."""
    if isinstance(command, click.Group):
        parse(command.commands[words[0]], words[1:])
    else:
        command.make_context(command.name, [*words])


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("command", commands())
def test_a_command_can_be_given(command: str):
    """Steps resolve their settings: an unknown key, a wrong value and a missing settings file are errors."""
    name, *words = words_of(command)
    parse(main.commands[name], words)
    if name in STEP_COMMANDS and not {"-h", "--help"} & {*words}:
        words = [MADE.get(Path(word).name, word) for word in words]
        answer = CliRunner().invoke(main, [name, *words, "--show"])
        assert answer.exit_code == 0, answer.output


def test_a_wrong_command_would_be_found():
    with pytest.raises(click.UsageError):
        parse(main.commands["dance"], ["song.mp3", "-o", "dance.mp4", "--seeds", "7"])
    assert CliRunner().invoke(main, ["render", "configs/render.yaml", "song=library/", "--show"]).exit_code == 2


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_the_blocks_of_a_page_are_valid_and_name_what_exists(page: Path):
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for block in blocks(page, "bash"):
        done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert {*re.findall(r"^make ([\w-]+)", block, re.MULTILINE)} <= targets
        files = re.findall(r"(?<![\w/.-])((?:cluster|configs|benchmarks)/[\w./-]+\.\w+)", block)
        assert [file for file in files if not Path(file).exists()] == []
        modules = re.findall(r"python -m ((?:dancegen|jobs)[\w.]*)", block)
        assert [
            name for name in modules if not any(Path(name.replace(".", "/")).parent.glob(f"{name.split('.')[-1]}*"))
        ] == []
    for block in blocks(page, "python"):
        compile(block, str(page), "exec")


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_the_text_of_a_page_names_commands_and_files_that_exist(page: Path):
    text = (ROOT / page).read_text()
    assert {*re.findall(r"`dancegen ([a-z][a-z-]*)", text)} <= main.commands.keys()
    assert [file for file in NAMED_FILE.findall(text) if not Path(file).exists()] == []


def test_the_query_of_the_runbook_counts_the_reasons(tmp_path: Path):
    (line,) = [line for line in "".join(blocks(Path("docs/operations.md"), "bash")).split("\n") if "duckdb" in line]
    table = str(tmp_path / "dances_renders")
    tables.begin(table, schema.RENDERS, {})
    for uri, error in {"a.wav": "is silent.", "b.wav": "is silent.", "c.wav": None}.items():
        tables.write_part(table, schema.table(schema.RENDERS, [{"uri": uri, "error": error}]), uri)
    words = [sys.executable, *shlex.split(line)[1:]]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert re.search(r"is silent\. *│ *2", done.stdout)
