"""A stage given by its import path, for a driver and for Ray's actors, which never run it themselves."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class LazyStage:
    """Constructs the stage. The class is imported only then: in a row's child process."""

    place: str
    """`package.module:Class`."""

    def __call__(self, *arguments: Any) -> Any:
        """Construct the stage."""
        module, _, name = self.place.partition(":")
        return getattr(import_module(module), name)(*arguments)
