"""What of two records and locks is compared name by name. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from snapshot import digest
from snapshot.compare import lock as locks
from snapshot.compare import results
from snapshot.compare.change import Change, Equal, Section, of_mappings
from snapshot.document import Value
from snapshot.lock.document import Lock
from snapshot.record.document import Run
from snapshot.record.parameters import parameters


class Part(Value, kw_only=True, frozen=True):
    """What of one section differs, and what is the same."""

    section: Section
    equal: tuple[Equal, ...]


def parts(old: Run, new: Run, old_lock: Lock | None, new_lock: Lock | None) -> tuple[Part, ...]:
    """All sections in the order in which people ask for them: what was typed first, what came out last."""
    return (
        _together("command", _command(old), _command(new)),
        _counted("arguments", "argument", _arguments(old), _arguments(new)),
        _counted("options", "option", _options(old), _options(new)),
        _counted("environment", "environment variable", old.request.environment, new.request.environment),
        *(_of_locks(old_lock, new_lock) if old_lock and new_lock else _of_platforms(old, new)),
        _named("GPUs", _gpus(old), _gpus(new)),
        _together("host", _host(old), _host(new)),
        _counted("inputs", "input", _inputs(old), _inputs(new)),
        _together("outcome", _outcome(old), _outcome(new)),
        _counted("outputs", "output", results.left_behind(old), results.left_behind(new)),
    )


def _counted(name: str, thing: str, old: Mapping[str, str], new: Mapping[str, str]) -> Part:
    number = len(old.items() & new.items())
    equal = (Equal(name=thing, number=number),) if number else ()
    return Part(section=Section(name=name, changes=of_mappings(old, new)), equal=equal)


def _named(name: str, old: Mapping[str, str], new: Mapping[str, str]) -> Part:
    equal = tuple(Equal(name=key) for key, value in old.items() if new.get(key) == value)
    return Part(section=Section(name=name, changes=of_mappings(old, new)), equal=equal)


def _together(name: str, old: Mapping[str, str], new: Mapping[str, str]) -> Part:
    """Where all of it is the same, it is told by the section's name."""
    part = _named(name, old, new)
    return part if part.section.changes or not old else Part(section=part.section, equal=(Equal(name=name),))


def _command(run: Run) -> dict[str, str]:
    what = {} if run.command.kind == "command" else {run.command.kind: "".join(run.command.argv[:1])}
    return {**what, "directory": run.command.directory}


def _arguments(run: Run) -> dict[str, str]:
    # Records of before there were parameters have none.
    return run.parameters or parameters(run.command.argv[run.command.kind != "command" :])


def _options(run: Run) -> dict[str, str]:
    asked = run.request
    values = {
        "--gpus": asked.gpus,
        "--network": asked.network,
        "--shm-size": asked.shm_size,
        "--memory": asked.memory,
        "--cpus": asked.cpus,
    }
    return {name: value for name, value in values.items() if value is not None}


def _of_locks(old: Lock, new: Lock) -> Iterator[Part]:
    changed = tuple(locks.of_platform(old, new))
    present = ["base", "Python", *(["CUDA", "driver"] if old.cuda and new.cuda else [])]
    equal = [name for name in present if name not in {change.name for change in changed}]
    names = {"driver": "driver that CUDA needs"}
    yield Part(
        section=Section(name="platform", changes=changed),
        equal=tuple(Equal(name=names.get(name, name)) for name in equal),
    )
    packages = tuple(locks.of_packages(old, new))
    common = {package.name for package in old.packages} & {package.name for package in new.packages}
    yield _less("packages", "package", packages, common)
    system = tuple(locks.of_os_packages(old, new))
    yield _less("OS packages", "OS package", system, locks.of_system(old).keys() & locks.of_system(new).keys())


def _less(name: str, thing: str, changes: tuple[Change, ...], common: set[str]) -> Part:
    """Of what both have in common, those that changed are not equal."""
    number = len(common) - sum(change.old is not None and change.new is not None for change in changes)
    equal = (Equal(name=thing, number=number),) if number else ()
    return Part(section=Section(name=name, changes=changes), equal=equal)


def _of_platforms(old: Run, new: Run) -> Iterator[Part]:
    """What the records alone say."""
    was, now = ({"base": _base(run), "Python": run.platform.python} for run in (old, new))
    yield _named("platform", was, now)


def _base(run: Run) -> str:
    content = run.platform.base_digest or (run.platform.base_layers or ("",))[-1]
    return f"{run.platform.base} ({digest.short(content)})"


def _gpus(run: Run) -> dict[str, str]:
    """The driver, and the devices that were given, by their names."""
    known = run.host.gpus if run.host else None
    found = {"driver": known.driver, "CUDA of the driver": known.cuda} if known else {}
    if run.gpus:
        names = {str(device.index): device.name or "" for device in (known.devices if known else ())}
        labels = run.gpus.devices or (run.request.gpus or "",)
        found["devices"] = ", ".join(f"{i} {names.get(i.partition(':')[0], '')}".strip() for i in labels)
    return found


def _host(run: Run) -> dict[str, str]:
    if run.host is None:
        return {}
    machine = run.host.machine
    return {
        "host name": machine.hostname,
        "system": machine.system,
        "kernel": machine.kernel,
        "architecture": machine.architecture,
        "CPU": machine.cpu,
        "CPU flags": " ".join(machine.cpu_flags),
        "cores": str(machine.cores),
        "memory": f"{machine.memory} bytes",
        "engine": f"Docker {run.host.engine}",
        "image store": run.host.store,
    }


def _inputs(run: Run) -> dict[str, str]:
    """What came of earlier runs: its place, and its bytes."""
    return {
        **{parent.input: parent.sha256 for parent in run.parents},
        **{taken.target: taken.sha256 for taken in run.taken},
    }


def _outcome(run: Run) -> dict[str, str]:
    if run.exit is None:
        return {"status": run.status}
    end = run.exit
    words = {"exit code": end.code, "signal": end.signal, "error": end.error}
    found = {name: str(value) for name, value in words.items() if value is not None}
    return {**found, **({"memory": "ran out"} if end.out_of_memory else {})}
