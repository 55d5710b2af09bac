"""Where the files that ship with the program lie: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jinja2

_PACKAGE = Path(__file__).resolve().parent


def template_dir() -> Path:
    """The folder of the templates, the same in a wheel, an editable install and a checkout."""
    inside = _PACKAGE / "templates"
    return inside if inside.is_dir() else _PACKAGE.parent / "templates"


def package_dir() -> Path:
    """The folder of the package itself."""
    return _PACKAGE


def render(template: str, finalize: Callable[[Any], Any] | None = None, /, **values: object) -> str:
    """The text of a template of that folder; what it names and is not given is an error.

    In one of HTML everything is escaped. `finalize` is applied to each value before it is written.
    """
    return _environment(finalize).get_template(template).render(**values)


@cache
def _environment(finalize: Callable[[Any], Any] | None) -> jinja2.Environment:
    """Kept with the templates that were made of it: that takes longer than writing a page with them."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(template_dir()),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        finalize=finalize,
    )
