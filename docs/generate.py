"""Writes docs/settings.md and docs/tables.md from the code; with --check, only says whether they are true.

python docs/generate.py [--check]
"""

import inspect
import re
import sys
import typing
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from dancegen import fields, schema
from dancegen.config import Config
from dancegen.steps import STEPS

DOCS = Path(__file__).parent
NOTE = "<!-- Written by docs/generate.py from the code: change the code, then run `make docs`. -->"


def main() -> int:
    """Write the pages, or compare them. Returns the exit code."""
    pages = {DOCS / "settings.md": settings_page(), DOCS / "tables.md": tables_page()}
    if "--check" not in sys.argv:
        for path, text in pages.items():
            path.write_text(text)
        return 0
    stale = [path.name for path, text in pages.items() if not path.exists() or path.read_text() != text]
    if stale:
        print(f"docs/: {', '.join(stale)} no longer say what the code says. Run `make docs`.", file=sys.stderr)
    return 1 if stale else 0


def settings_page() -> str:
    """Every setting of every job, from the settings classes."""
    parts = [NOTE, "# Settings", "One YAML a job; `key=value` on the command line wins. Nested keys are dotted."]
    for step in STEPS.values():
        module, _, attribute = step.settings.partition(":")
        kind = getattr(import_module(module), attribute)
        parts += [f"## {step.command}", _first_paragraph(kind), "\n".join(_rows(kind))]
    return "\n\n".join(parts) + "\n"


def tables_page() -> str:
    """Every table and column, from the comments in schema.py."""
    parts = [NOTE, "# Tables", _first_paragraph(schema, 2)]
    for name, body in re.findall(r"^([A-Z]+) = pa\.schema\(\n(.*?)^\)", inspect.getsource(schema), re.S | re.M):
        columns = re.findall(r'\("(\w+)", pa\.(.+?)\),(?:  # (.*))?$', body, re.M)
        lines = [f"| `{column}` | {kind.replace('()', '')} | {meaning} |" for column, kind, meaning in columns]
        parts += [f"## {name.lower()}", "\n".join(["| column | type | meaning |", "|---|---|---|", *lines])]
    return "\n\n".join(parts) + "\n"


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


def _first_paragraph(thing: object, skip: int = 0) -> str:
    paragraphs = (inspect.getdoc(thing) or "").split("\n\n")
    return " ".join(paragraphs[min(skip, len(paragraphs) - 1)].split())


if __name__ == "__main__":
    sys.exit(main())
