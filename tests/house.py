"""Rules of the code that no linter has: `make check` runs this file.

A function has at most 60 lines, a package at most 15 modules, and every setting a docstring.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("dancegen", "jobs", "docs", "benchmarks")
FUNCTION_LINES, MODULES = 60, 15


def main() -> int:
    """Print what breaks a rule. Returns the exit code."""
    files = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    broken = [*crowded(files)]
    for path in files:
        tree = ast.parse(path.read_text())
        place = path.relative_to(ROOT)
        broken += [f"{place}:{line}: {problem}" for line, problem in (*long_functions(tree), *unexplained(path, tree))]
    print("\n".join(broken) or f"{len(files)} files keep the rules of tests/house.py")
    return 1 if broken else 0


def long_functions(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Functions of more lines than FUNCTION_LINES, without their decorators."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield node.lineno, f"{node.name} has {lines} lines, and at most {FUNCTION_LINES} are allowed."


def unexplained(path: Path, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Settings without a docstring below them. A group of settings has that of its class."""
    if not path.stem.endswith("settings"):
        return
    for owner in tree.body:
        if isinstance(owner, ast.ClassDef):
            for node, following in zip(owner.body, [*owner.body[1:], None], strict=True):
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id.islower():
                    group = isinstance(node.annotation, ast.Name) and node.annotation.id.endswith("Config")
                    if not group and not (
                        isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
                    ):
                        yield node.lineno, f"setting {owner.name}.{node.target.id} has no docstring."


def crowded(files: list[Path]) -> Iterator[str]:
    """Packages of dancegen with more modules than MODULES."""
    for folder, modules in Counter(path.parent for path in files if path.name != "__init__.py").items():
        if modules > MODULES and folder.is_relative_to(ROOT / "dancegen"):
            yield f"{folder.relative_to(ROOT)}: {modules} modules, and at most {MODULES} are allowed."


if __name__ == "__main__":
    sys.exit(main())
