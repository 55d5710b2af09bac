"""The GPUs of a `snap run`: looked at before anything is locked, built or started."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from snapshot.cli import terminal
from snapshot.errors import HostError
from snapshot.host import nvml, toolkit
from snapshot.lock import cuda as cuda_of
from snapshot.run import preflight
from snapshot.run.gpus import wish

if TYPE_CHECKING:
    from snapshot.cli.place import Place
    from snapshot.finding import Finding
    from snapshot.lock.document import Lock
    from snapshot.run.preflight import Grant


class Asked:
    """What `--gpus` asks for, and what there is: driver and engine are asked once."""

    def __init__(self, place: Place, text: str) -> None:
        self._wish = wish(text)
        self._toolkit = toolkit.probe(place.engine.info(), os.environ)
        self._driver = nvml.look() if self._toolkit.is_here else None

    def check(self, lock: Lock | None) -> tuple[Finding, ...]:
        """What is to be said; without a lock, all that does not depend on it.

        Raises HostError, with all findings said, when the run can't have these GPUs.
        """
        found = preflight.check(
            self._wish,
            self._driver,
            self._toolkit,
            lock.cuda if lock else None,
            judge=cuda_of.driver_findings,
            covers=cuda_of.covers,
        )
        if lock and not lock.cuda:
            found = (*found, preflight.without_cuda())
        errors = [finding for finding in found if finding.severity == "error"]
        if errors:
            tell([finding for finding in found if finding.severity != "error"])
            for finding in errors[:-1]:
                terminal.error(finding.message, finding.remedy)
            raise HostError(errors[-1].message, hint=errors[-1].remedy)
        return found

    def grant(self) -> Grant:
        """How the run gets them."""
        return preflight.grant(self._wish, self._driver, self._toolkit)


def tell(findings: Sequence[Finding]) -> None:
    """Warnings with what to do about them, and notes."""
    for finding in findings:
        if finding.severity == "warning":
            terminal.warn(finding.message + (f"; {finding.remedy}" if finding.remedy else ""))
        elif finding.severity == "note":
            terminal.note(finding.message)


def tell_unused(lock: Lock) -> None:
    """Say once that there is a GPU, and that this run does without."""
    if lock.cuda and nvml.is_there():
        terminal.note("this runs on the CPU; `snap run --gpus all` gives it the GPUs of this host")
