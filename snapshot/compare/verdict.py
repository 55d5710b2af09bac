"""What a rerun came to: the document `.snap/runs/RERUN_ID/verdict.json`, `snap.verdict/1`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from snapshot.document import Document
from snapshot.record.document import Exit

SCHEMA: Final = "snap.verdict/1"
FILE = "verdict.json"

IDENTICAL, WITHIN, DIFFERENT = "identical", "within tolerance", "different"
MISSING, EXTRA, NOT_COMPARED = "missing", "extra", "not compared"


class Tolerance(Document, kw_only=True, frozen=True):
    """How far numbers of the files that fit `pattern` may be apart: |a - b| <= atol + rtol * |a|, a the first run's."""

    pattern: str = "*"
    """As in `.gitignore`; of several that fit, the last one counts."""
    rtol: float = 0.0
    atol: float = 0.0


class Compared(Document, kw_only=True, frozen=True):
    """One output of two runs."""

    path: str
    verdict: str
    """identical (bit for bit, or but for what a rule ignores: then `reason` says so), within tolerance, different,
    missing (the rerun did not write it), extra (only the rerun wrote it), or not compared (never the same: `reason`
    says why)."""
    kind: str
    """By what: bytes, json, jsonl, notebook, csv, npy, npz, safetensors, pickle (torch's and others'), events
    (TensorBoard's), image, text, link."""
    values: int = 0
    """How many numbers were compared."""
    beyond: int = 0
    """How many of them are beyond the tolerance."""
    absolute: float | str | None = None
    """Largest difference; `inf` or `nan` where it is no number, None where no numbers were compared."""
    relative: float | str | None = None
    where: str | None = None
    """Place of the largest difference: `$.loss[3]`, `row 7, column loss`, `layer1.weight[0, 5]`, `line 12`."""
    first: str | None = None
    second: str | None = None
    """What stands there in the run and in the rerun."""
    reason: str | None = None


class Difference(Document, kw_only=True, frozen=True):
    """Something of platform or input that was not the same: a likely reason."""

    what: str
    """As in `CPU flags`, `threads`, `driver`, `data train`."""
    first: str
    second: str


class Verdict(Document, kw_only=True, frozen=True):
    """The document."""

    schema: Literal["snap.verdict/1"] = SCHEMA
    first: str
    """The run."""
    second: str
    """Its rerun."""
    created: str
    """RFC 3339 in UTC."""
    verdict: str
    """identical, within tolerance, or different: the worst of the outputs and the exit codes. What can't be compared
    counts as different."""
    outputs: tuple[Compared, ...] = ()
    tolerances: tuple[Tolerance, ...] = ()
    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Whether the result is the same, bit for bit or within tolerance."""
        return self.verdict != DIFFERENT


def overall(compared: Iterable[Compared], first_exit: Exit | None, second_exit: Exit | None) -> str:
    """The worst of the outputs and of how the trainings ended; what was not compared counts as different."""
    found = {one.verdict for one in compared}
    if ending(first_exit) != ending(second_exit) or not found <= {IDENTICAL, WITHIN}:
        return DIFFERENT
    return WITHIN if WITHIN in found else IDENTICAL


def ending(end: Exit | None) -> tuple[int | None, str | None, bool] | None:
    """What is to be the same when a training is repeated."""
    return None if end is None else (end.code, end.signal, end.out_of_memory)
