"""The libraries of trackers, which not everybody has."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from snapshot.errors import HostError


def library(name: str) -> Any:
    """The module `name`; raises HostError when it is not installed."""
    try:
        return import_module(name)
    except ImportError as problem:
        raise HostError(
            f"the library `{name}` can't be used: {str(problem).lower()}",
            hint=f"install it with `pip install 'snapshot-ml[{name}]'`",
        ) from None


@contextmanager
def defaults(variables: Mapping[str, str]) -> Iterator[None]:
    """For as long as the block takes, the environment has `variables`, unless the user has set them."""
    ours = {key: value for key, value in variables.items() if key not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for key in ours:
            os.environ.pop(key, None)
