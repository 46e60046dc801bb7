"""How /conftest.py checks the shapes and types of a call: as beartype does"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from beartype import BeartypeConf, BeartypeHintOverrides, beartype

# NumPy's scalars and Python's will do for one another, and an int for a float.
SCALARS = {bool: bool | np.bool_, int: int | np.integer, float: float | int | np.floating | np.integer}
CONF = BeartypeConf(hint_overrides=BeartypeHintOverrides(SCALARS))


def check(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with its check made at its first call: a process calls few of all functions."""

    @functools.cache
    def checked() -> Callable[..., Any]:
        return beartype(conf=CONF)(function)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return checked()(*args, **kwargs)

    return call
