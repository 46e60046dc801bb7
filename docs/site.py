"""Build the documentation site from the Markdown files of the project.

    python docs/site.py FOLDER

The files keep their places, so that their links work here, on a Git host and on the site. mkdocs checks every link to a
page, a heading or a picture; the build fails when one is wrong.
"""

import logging
import shutil
import sys
import tempfile
from pathlib import Path

from mkdocs.commands.build import build
from mkdocs.config import load_config

ROOT = Path(__file__).parents[1]
PAGES = ("*.md", "cluster/*.md", "docs/*.md", "dancegen/**/*.md", "benchmarks/results/*.md")
LINKED = ("docs/*.png", "docs/*.jpg", "benchmarks/results/*.png", "benchmarks/results/*.csv")


def main() -> int:
    """Build the site into the folder that is given. Returns the exit code."""
    if len(sys.argv) != 2:
        print("usage: python docs/site.py FOLDER", file=sys.stderr)
        return 2
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.WARNING)
    with tempfile.TemporaryDirectory() as sources:
        for path in (path for pattern in (*PAGES, *LINKED) for path in sorted(ROOT.glob(pattern))):
            copy = Path(sources) / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
        site = str(Path(sys.argv[1]).absolute())
        build(load_config(str(ROOT / "docs" / "mkdocs.yml"), docs_dir=sources, site_dir=site, strict=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
