"""Pages as HTML, each one file that asks for nothing else."""

from __future__ import annotations

import base64
import hashlib

from snapshot import __version__
from snapshot.document import Value
from snapshot.report.text import harmless
from snapshot.resources import render, template_dir

_FOLDER = "report"


def html(template: str, page: Value, *, now: str) -> str:
    """`page` by `templates/report/TEMPLATE.html.j2`; `now` is when it was made, RFC 3339 in UTC."""
    style, script = (
        (template_dir() / _FOLDER / name).read_text(encoding="utf-8") for name in ("style.css", "script.js")
    )
    return render(
        f"{_FOLDER}/{template}.html.j2",
        _harmless,
        page=page,
        policy=_policy(style, script),
        style=style,
        script=script,
        made=now[:19].replace("T", " ") + " UTC",
        version=__version__,
    )


def _policy(style: str, script: str) -> str:
    """What a browser lets the page do: our own script and style, images that are in it, and nothing else at all."""
    rules = {
        "default-src": "'none'",
        "style-src": f"'sha256-{_hash(style)}'",
        "script-src": f"'sha256-{_hash(script)}'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _harmless(value: object) -> object:
    """Control characters shown as escapes; what the templates themselves made stays as it is."""
    return harmless(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
