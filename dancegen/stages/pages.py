"""The templates of the pages that steps leave to look at: *.html beside this file. Names in them are escaped."""

from collections.abc import Callable
from typing import Any


def template(name: str, **filters: Callable[..., str]) -> Any:
    """A page to be filled in, with `render`; `filters` are its own, by name."""
    import jinja2  # late: only the driver writes pages

    loader = jinja2.PackageLoader("dancegen.stages", ".")
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= filters
    return environment.get_template(name)
