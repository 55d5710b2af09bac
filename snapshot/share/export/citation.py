"""`CITATION.cff`, for who cites an export: the project's own, or one to be filled in. Pure.

https://github.com/citation-file-format/citation-file-format/blob/1.2.0/schema-guide.md
"""

from __future__ import annotations

import json
import re

from snapshot.share.export.document import PublicRun

FILE = "CITATION.cff"
PLACEHOLDER = "TODO: who made this"
_TITLE = re.compile(r"^title: *(?P<title>.+)$", re.MULTILINE)


def dumps(public: PublicRun, title: str) -> bytes:
    """A file for a project that has none; nobody is named, since nobody was asked."""
    lines = [
        "# Fill in who is to be cited, and by which licence this may be used, before this is published.",
        "cff-version: 1.2.0",
        "message: If you use this training, please cite it as below.",
        "type: software",
        f"title: {_quoted(title)}",
        "authors:",
        f"  - name: {_quoted(PLACEHOLDER)}",
        f"version: {_quoted(public.run)}",
    ]
    if public.ended:
        lines.append(f"date-released: {public.ended[:10]}")
    return ("\n".join(lines) + "\n").encode()


def title_of(content: bytes) -> str | None:
    """The title in a project's own file, if it is a plain one."""
    match = _TITLE.search(content.decode(errors="replace"))
    return match["title"].strip().strip("\"'") or None if match else None


def _quoted(text: str) -> str:
    """As YAML has it, of which JSON is a part."""
    return json.dumps(text, ensure_ascii=False)
