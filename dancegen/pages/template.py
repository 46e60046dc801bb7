"""Loads the Jinja templates of pages: *.html beside the code that renders them. Values are escaped."""

from collections.abc import Callable
from typing import Any


def template(name: str, package: str, **filters: Callable[..., str]) -> Any:
    """The template `name` of a package, for `render`; `filters` are added to its environment by name."""
    import jinja2  # late: only the driver writes pages

    loader = jinja2.PackageLoader(package, ".")
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= filters
    return environment.get_template(name)
