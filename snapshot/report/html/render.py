"""Pages as HTML, each one file that asks for nothing else."""

from __future__ import annotations

import base64
import hashlib

from snapshot import __version__
from snapshot.document import Value
from snapshot.report.text import harmless
from snapshot.resources import render, template_dir

_FOLDER = "report"


class Live(Value, kw_only=True, frozen=True):
    """What a page has beside that of a file when a server gives it: links, forms, and that it follows its run."""

    stream: str
    """Where it hears of changes; empty for a page that nothing changes."""
    state: str
    """What it shows, as the stream calls it."""


def html(template: str, page: Value, *, now: str, live: Live | None = None) -> str:
    """`page` by `templates/report/TEMPLATE.html.j2`; `now` is when it was made, RFC 3339 in UTC."""
    style, script = _read("style.css"), (_read("live.js") if live else "") + _read("script.js")
    return render(
        f"{_FOLDER}/{template}.html.j2",
        _harmless,
        page=page,
        live=live,
        policy=_policy(style, script, is_live=live is not None),
        style=style,
        script=script,
        made=now[:19].replace("T", " ") + " UTC",
        version=__version__,
    )


def _read(name: str) -> str:
    return (template_dir() / _FOLDER / name).read_text(encoding="utf-8")


def _policy(style: str, script: str, *, is_live: bool) -> str:
    """What a browser lets the page do: our own script and style, images that are in it, and nothing else at all.

    A live one may speak with the server that it comes from.
    """
    own = "'self'" if is_live else "'none'"
    rules = {
        "default-src": "'none'",
        "style-src": f"'sha256-{_hash(style)}'",
        "script-src": f"'sha256-{_hash(script)}'",
        "img-src": "data:",
        "base-uri": "'none'",
        "connect-src": own,
        "form-action": own,
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _harmless(value: object) -> object:
    """Control characters shown as escapes; what the templates themselves made stays as it is."""
    return harmless(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
