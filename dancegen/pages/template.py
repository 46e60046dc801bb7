"""The templates of pages: *.html beside the code that fills them in. Names in them are escaped."""

from collections.abc import Callable
from typing import Any


def template(name: str, package: str, **filters: Callable[..., str]) -> Any:
    """A page of a package, to be filled in with `render`; `filters` are its own, by name."""
    import jinja2  # late: only the driver writes pages

    loader = jinja2.PackageLoader(package, ".")
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= filters
    return environment.get_template(name)
