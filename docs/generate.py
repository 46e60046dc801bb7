"""Write what follows from the code: docs/settings.md, docs/tables.md, jobs/ and the manifests in cluster/kuberay/.

    python docs/generate.py [--check]

With --check nothing is written; the exit code is 1 when a file is stale. A settings file of a step that has none yet is
begun from its defaults; afterwards it is written by hand.
"""

import inspect
import re
import sys
import textwrap
import typing
from collections.abc import Iterator
from pathlib import Path

import yaml
from manifests import manifests

from dancegen import fields, schema
from dancegen.config import Config
from dancegen.steps import STEPS
from dancegen.steps.command import load
from dancegen.steps.render.song_settings import SongSettings
from dancegen.steps.step import Step

DOCS = Path(__file__).parent
ROOT = DOCS.parent
NOTE = "<!-- Written by docs/generate.py from the code: change the code, then run `make docs`. -->"
WIDTH = 100
SONGS_NOTE = """\
`render songs=` takes a CSV or Parquet table with a row per song. A value in one of the columns below replaces that of
the job for this song; an empty cell leaves it. A wrong value is the reason in the song's row of `renders`, and the
other songs are rendered. Paths of looks and checkpoints start at the folder where the job runs. A URI counts once:
its first row is used."""

JOB = '''"""{title}.

ray job submit --working-dir . -- {command}
"""

from dancegen.steps.command import job

if __name__ == "__main__":
    job("{name}")
'''


def main() -> int:
    """Write the files, or compare them. Returns the exit code."""
    files = generated()
    stale = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv:
        if stale:
            names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
            print(f"{names}: not what the code says any more. Run `make docs`.", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.write_text(files[path])
    return 0


def generated() -> dict[Path, str]:
    """Every file that follows from the code, with its text."""
    files = {DOCS / "settings.md": settings_page(), DOCS / "tables.md": tables_page()}
    for step in STEPS.values():
        files[ROOT / f"jobs/{step.name}.py"] = job_file(step)
        settings = ROOT / f"configs/{step.name}.yaml"
        if not settings.exists():
            files[settings] = settings_file(step)
    return files | manifests(STEPS, {name: _wrapped(step) for name, step in STEPS.items()})


def job_file(step: Step) -> str:
    """The entry point of a step for `ray job submit`."""
    command = " \\\\\n    ".join(_wrapped(step))
    return JOB.format(title=step.title, name=step.name, command=command)


def settings_file(step: Step) -> str:
    """The defaults of a step as a settings file."""
    kind = load(step.settings)
    lines = [f"# {step.title}"]
    for name, field in kind.model_fields.items():
        default = yaml.safe_dump({name: None if field.is_required() else field.get_default(call_default_factory=True)})
        lines += [f"# {fields.meaning(field)}", default.rstrip()]
    return "\n".join(lines) + "\n"


def _wrapped(step: Step) -> list[str]:
    """The step's command line on a cluster, in lines."""
    first = f"python -m jobs.{step.name} configs/{step.name}.yaml"
    return [first, *textwrap.wrap(step.on_cluster, WIDTH, break_long_words=False, break_on_hyphens=False)]


def settings_page() -> str:
    """Every setting of every job, from the settings classes."""
    parts = [
        NOTE,
        "# Settings",
        "One YAML file per job; `key=value` on the command line overrides it. Nested keys are dotted.",
    ]
    for step in STEPS.values():
        kind = load(step.settings)
        example = f"```bash\ndancegen {step.command} {step.example}\n```"
        parts += [f"## {step.command}", _first_paragraph(kind), example, "\n".join(_rows(kind))]
    return "\n\n".join(parts) + "\n"


def tables_page() -> str:
    """Every table and column, from the comments in schema.py."""
    parts = [NOTE, "# Tables", _first_paragraph(schema, 2)]
    for name, body in re.findall(r"^([A-Z_]+) = pa\.schema\(\n(.*?)^\)", inspect.getsource(schema), re.S | re.M):
        columns = re.findall(r'\("(\w+)", pa\.(.+?)\),(?:  # (.*))?$', body, re.M)
        lines = [f"| `{column}` | {kind.replace('()', '')} | {meaning} |" for column, kind, meaning in columns]
        parts += [f"## {name.lower()}", "\n".join(["| column | type | meaning |", "|---|---|---|", *lines])]
    return "\n\n".join([*parts, *_table_of_songs()]) + "\n"


def _table_of_songs() -> list[str]:
    """The columns that a user's table of songs may have."""
    lines = [
        f"| `{name}` | {_type_name(field.annotation)} | {fields.meaning(field)} |"
        for name, field in SongSettings.model_fields.items()
    ]
    head = [
        "| column | type | meaning |",
        "|---|---|---|",
        "| `uri` | str | URI of the song, or path from the table. |",
    ]
    return ["## The table of songs for render", SONGS_NOTE, "\n".join([*head, *lines])]


def _rows(kind: type[Config]) -> list[str]:
    return ["| key | type | default | meaning |", "|---|---|---|---|", *_settings(kind)]


def _settings(kind: type[Config]) -> Iterator[str]:
    for name, field in fields.walk(kind):
        default = "*required*" if field.is_required() else f"`{_plain(field.get_default(call_default_factory=True))}`"
        meaning = fields.meaning(field).replace("|", "\\|")
        yield f"| `{name}` | {_type_name(field.annotation)} | {default} | {meaning} |"


def _plain(value: object) -> str:
    root = str(DOCS.parent.resolve()) + "/"
    return str(value).removeprefix(root).replace("|", "\\|")


def _type_name(annotation: object) -> str:
    if typing.get_origin(annotation) is typing.Annotated:
        return _type_name(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) is typing.Literal:
        return " \\| ".join(f"`{option}`" for option in typing.get_args(annotation))
    if typing.get_args(annotation):
        name = getattr(typing.get_origin(annotation), "__name__", "")
        inner = [_type_name(part) for part in typing.get_args(annotation) if part is not Ellipsis]
        return " \\| ".join(inner) if name in ("Union", "UnionType") else f"{name}[{', '.join(inner)}]"
    return "none" if annotation is type(None) else getattr(annotation, "__name__", str(annotation))


def _first_paragraph(subject: object, skip: int = 0) -> str:
    paragraphs = (inspect.getdoc(subject) or "").split("\n\n")
    return " ".join(paragraphs[min(skip, len(paragraphs) - 1)].split())


if __name__ == "__main__":
    sys.exit(main())
