"""What differs each time something runs, and is no result: moments, durations, speeds, paths of the moment. Pure.

The rules are narrow: they go by what a text says of itself, as a date, a unit behind a word for time, or a folder for
temporary files. A number of which that can't be told counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from snapshot.document import Value

MOMENT, DURATION, SPEED, PATH = "time stamp", "duration", "speed", "path"
"""What rules say of what they ignore."""

_DATE = r"(?:19|20)\d\d[-/](?:0[1-9]|1[0-2])[-/](?:0[1-9]|[12]\d|3[01])"
_COMPACT = r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[T_-][0-2]\d[0-5]\d[0-5]\d"
_CLOCK = r"\d{1,2}:[0-5]\d:[0-5]\d(?:[.,]\d{1,9})?"
_ZONE = r"(?: ?(?:Z|UTC|GMT)\b| ?[+-]\d\d:?\d\d(?!\d))"
_DAY = r"(?:\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? )?\b"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_NUMBER = r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
_UNIT = r"(?:(?:milli|micro|nano)?seconds?|minutes?|hours?|secs?|mins?|hrs?|s|ms|us|µs|μs|ns)\b(?!/)"
_SPAN = rf"{_NUMBER}(?: ?(?:{_UNIT}|[hm]\b)(?:[ ,]{{0,3}}{_NUMBER} ?(?:{_UNIT}|m\b))*)?(?!\w|\.\d)"
_THING = r"(?:it|iters?|iterations?|steps?|batch(?:es)?|samples?|examples?|images?|imgs?|tok(?:en)?s?|rows?|epochs?)"
_PHASE = r"(?:train|training|fit|eval|evaluation|validation|test|epoch|step|batch|iter|iteration|load|total|run)"
_TIME = rf"(?:{_PHASE}[ _-]?)?(?:time|duration|runtime|elapsed|wall[ _-]?(?:clock|time))(?: elapsed|[ _]taken)?"
_NAMED = rf"{_TIME}\b(?: ?\((?:s|ms|sec|seconds)\))?[\"']?\s{{0,9}}[:=]?\s{{0,9}}"
_DONE = r"(?:took|elapsed|(?:finished|done|completed|trained|ran|saved|loaded|built) (?:in|after))"

RULES = (
    # A run's own ID.
    (PATH, r"\b\d{8}T\d{9}-[0-9a-f]{4}\b"),
    (MOMENT, rf"(?<![\w.]){_DATE}[T _/-](?:{_CLOCK}|\d\d[:-][0-5]\d[:-][0-5]\d|\d\d:\d\d(?!:)){_ZONE}?(?!\w|\.\d)"),
    (MOMENT, rf"(?<![\w.]){_COMPACT}(?!\w|\.\d)"),
    (MOMENT, rf"(?:^|(?<=[\[(])){_DATE}(?=[\s\])])"),
    (MOMENT, rf"{_DAY}{_MONTH} {{1,2}}\d{{1,2}},? (?:\d{{4}} )?{_CLOCK}(?: (?:[A-Z]{{2,5}} )?\d{{4}}\b|{_ZONE})?"),
    (MOMENT, rf"{_DAY}\d{{1,2}} {_MONTH},? \d{{4}} {_CLOCK}{_ZONE}?"),
    (MOMENT, r"(?<=timestamp)[\"']?\s{0,9}[:=]\s{0,9}\d{10}(?:\d{3}|\.\d+)?\b"),
    # As tqdm draws it: [00:12<00:30, 4.50it/s].
    (DURATION, r"\[\d+:[\d:]+<(?:[\d:]+|\?)(?:, *[\d.?]+ ?\w*/\w+)?"),
    (SPEED, rf"(?<![\w.]){_NUMBER} ?(?:{_THING}/s(?:ec(?:ond)?)?|[mun]?s(?:ec)?/{_THING}|[kMG]i?[Bb]/s)\b"),
    (MOMENT, rf"(?<![\w.:/-]){_CLOCK}(?![\w:])"),
    # A word for time that is no part of another name: `survival time` may be a metric.
    (
        DURATION,
        rf"(?<![\w.-])(?<![A-Za-z][ _-]){_NAMED}{_SPAN}",
    ),
    (DURATION, rf"\b{_DONE}[:=]?\s{{0,9}}(?:about )?{_SPAN}"),
    # As IPython's `%%time` has it.
    (DURATION, rf"\bCPU times: user {_SPAN}, sys: {_SPAN}, total: {_SPAN}"),
    # In brackets, or between dashes as Keras has it, and nothing else beside it.
    (DURATION, rf"(?:(?<=[(\[])|(?<= - )){_NUMBER} ?{_UNIT}(?=[)\]]|\s{{0,9}}$| - | {_NUMBER} ?[mun]?s/)"),
    (PATH, r"(?<![\w/.])/(?:tmp|var/tmp|dev/shm|proc/\d+)/[^\s'\"<>|,;:)\]}]+"),
    (PATH, r"(?<=\bat )0x[0-9a-fA-F]{6,16}\b"),
)
"""Of several that fit at a place the first counts."""

MOST_DIGITS = 1000
"""Of an integer that is read exactly; Python refuses to read some thousands."""
_PLAIN = r"(?<![\w.])[-+]?(?>\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?(?!\.\d)|(?<![\w.])[-+]?(?:nan|inf(?:inity)?)\b"

_KEY = re.compile(
    rf"(?:_?timestamp|_runtime|elapsed|elapsed_time|time_elapsed|wall_?time|wall_clock|wall_clock_time"
    r"|(?:mean_|std_)?(?:fit|score)_time|time_this_iter|time_total|time_since_restore"
    r"|(?:train|training|fit|eval|evaluation|validation|test|epoch|step|batch|iter|iteration)"
    r"(?:_(?:time|duration|runtime)|(?=_sec(?:ond)?s?$)))"
    r"(?:_(?:s|secs?|seconds|ms|us|ns|min|minutes|hours))?"
    r"|(?:created|updated|started|finished|ended|completed|saved)_at"
    rf"|(?:train_|training_|eval_|test_)?{_THING}_per_(?:s|sec|second)"
)
_BETWEEN = re.compile(r"[-. ]")


@cache
def _pattern() -> re.Pattern[str]:
    """All rules, and last what is left of numbers."""
    groups = [f"(?P<r{number}>{pattern})" for number, (_, pattern) in enumerate(RULES)]
    return re.compile("|".join([*groups, f"(?P<number>{_PLAIN})"]), re.IGNORECASE)


class Text(Value, kw_only=True, frozen=True):
    """A text taken apart."""

    words: tuple[str, ...]
    """What stands between the marks."""
    marks: tuple[str, ...]
    """For each, `number` or what a rule says of it."""
    texts: tuple[str, ...]
    """What stands there."""


def read(text: str) -> Text:
    """Numbers and what the rules ignore, told apart from all other text."""
    words, marks, texts, at = [], [], [], 0
    for found in _pattern().finditer(text):
        group = found.lastgroup or ""
        if group == "number" and len(found[0]) > MOST_DIGITS:
            continue
        words.append(text[at : found.start()])
        marks.append(group if group == "number" else RULES[int(group[1:])][0])
        texts.append(found[0])
        at = found.end()
    return Text(words=(*words, text[at:]), marks=tuple(marks), texts=tuple(texts))


def ignored(a: Text, b: Text) -> Iterator[str]:
    """What rules say of each mark that they ignore, where it differs."""
    for mark, was, now in zip(a.marks, a.texts, b.texts, strict=True):
        if mark != "number" and was != now:
            yield mark


def numbers(a: Text, b: Text) -> Iterator[tuple[float, float]]:
    """The numbers of two texts whose words and marks are the same."""
    for mark, was, now in zip(a.marks, a.texts, b.texts, strict=True):
        if mark == "number":
            yield number(was), number(now)


def number(text: str) -> float:
    """The number that `text` writes: integers as such, since they may have more digits than a float keeps.

    Raises ValueError for what is none, or has too many digits.
    """
    if len(text) > MOST_DIGITS:
        raise ValueError
    return int(text) if text.lstrip("+-").isdecimal() else float(text)


def is_time(key: str) -> bool:
    """Whether a key of JSON, or a column, is plainly time: `train_runtime`, `wall_time`, `timestamp`."""
    name = key.rpartition("/")[2].lower()
    return ("time" in name or "_" in name or "elapsed" in name) and _KEY.fullmatch(_BETWEEN.sub("_", name)) is not None
