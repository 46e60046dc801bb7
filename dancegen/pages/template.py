"""Loads the Jinja templates of pages: *.html beside the code that renders them. Values are escaped."""

from collections.abc import Callable
from typing import Any


def template(name: str, package: str, **filters: Callable[..., str]) -> Any:
    """The template `name` of a package, for `render`; `filters` are added to its environment by name.

    Templates of all packages may extend those of this one, such as `pages/base.html`.
    """
    import jinja2  # late: only the driver writes pages

    shared = jinja2.PrefixLoader({"pages": jinja2.PackageLoader("dancegen.pages", ".")})
    loader = jinja2.ChoiceLoader([jinja2.PackageLoader(package, "."), shared])
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= filters
    return environment.get_template(name)
