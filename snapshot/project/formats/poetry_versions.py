"""Poetry's version constraints as PEP 440 specifiers.

Written here and not taken from poetry-core: importing that takes longer than all the rest of a start of `snap run`,
and what is needed of it is a page. Its documentation, "Dependency specification", tells what `^` and `~` mean.
"""

from __future__ import annotations

import re

_PART = re.compile(
    r"(?P<operator>\^|~=|~|===?|!=|>=|<=|>|<)?\s*(?P<version>v?\d+(?:\.\d+)*(?:\.\*)?(?:[-_.]?[a-z]+[-_.]?\d*|-\d+)*"
    r"(?:\+[a-z0-9.]+)?)",
    re.IGNORECASE | re.ASCII,
)


def specifier(constraint: str) -> str:
    """`constraint` in the notation of PEP 440, empty for any version.

    Raises ValueError for what is none, and for alternatives (`^1 || ^3`), which PEP 440 can't say.
    """
    text = constraint.strip()
    if text in ("*", ""):
        return ""
    if "|" in text:
        raise ValueError(f"`{constraint}` has alternatives, which pip can't express")
    out: list[str] = []
    for part in re.split(r"\s*,\s*", text):
        at = 0
        while at < len(part):
            found = _PART.match(part, at)
            if found is None:
                raise ValueError(f"`{constraint}` is not a version constraint")
            out += _translated(found["operator"] or "", found["version"].removeprefix("v"))
            at = found.end() + len(part[found.end() :]) - len(part[found.end() :].lstrip())
    return ",".join(out)


def _translated(operator: str, version: str) -> list[str]:
    if version.endswith(".*"):
        return [f"{operator if operator in ('==', '!=') else '=='}{version}"]
    if operator in ("^", "~"):
        numbers = [int(number) for number in re.match(r"\d+(?:\.\d+)*", version)[0].split(".")]  # type: ignore[index]
        return [f">={version}", f"<{_next(numbers, operator)}"]
    return [f"{operator or '=='}{version}"]


def _next(numbers: list[int], operator: str) -> str:
    """The first version that `^` or `~` excludes: `^` keeps the first number that is not 0, `~` the first two."""
    if operator == "~":
        at = min(1, len(numbers) - 1)
    else:
        at = next((place for place, number in enumerate(numbers) if number), len(numbers) - 1)
    return ".".join(str(number) for number in [*numbers[:at], numbers[at] + 1, *[0] * (len(numbers) - at - 1)])


def python_marker(constraint: str) -> str | None:
    """A marker for a constraint on Python, which may have alternatives; None for any version."""
    alternatives = []
    for one in constraint.split("||"):
        parts = [_compared(part) for part in specifier(one).split(",") if part]
        if not parts:
            return None
        alternatives.append(" and ".join(parts))
    if len(alternatives) == 1:
        return alternatives[0]
    return " or ".join(f"({one})" if " and " in one else one for one in alternatives)


def _compared(part: str) -> str:
    found = re.fullmatch(r"(\D+)(.+)", part)
    operator, version = (found[1], found[2]) if found else ("==", part)
    variable = "python_full_version" if version.removesuffix(".*").count(".") > 1 else "python_version"
    if version.count(".") == 0:
        # `python_version` is always of two numbers.
        version += ".0"
    elif version.endswith(".*") and version.count(".") == 2:
        version = version.removesuffix(".*")
    return f'{variable} {operator} "{version}"'
