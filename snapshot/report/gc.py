"""What `snap gc` would remove, as text."""

from __future__ import annotations

from snapshot.record.gc import Plan
from snapshot.report.text import size, table

_KINDS = {
    "code": "lists of code that no run had",
    "contents": "contents of files that no run's code has",
    "data": "lists of data that no run had",
    "tree": "code laid out for runs that are gone",
    "leftover": "left by processes that died",
}


def page(plan: Plan) -> str:
    """Its kinds, each with how many and how much; then the sum."""
    if not plan.waste:
        return "nothing to remove: runs need all that is there"
    rows = []
    for kind, words in _KINDS.items():
        found = [item.bytes for item in plan.waste if item.kind == kind]
        if found:
            rows.append((words, f"{len(found):,}", size(sum(found))))
    rows.append(("together", f"{len(plan.waste):,}", size(plan.bytes)))
    return table(("WHAT", "FILES", "SIZE"), rows)
