"""The GPUs that a run asks for (`--gpus`), and how they are given to it. Pure."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import Literal

from snapshot.document import Value
from snapshot.errors import UsageError
from snapshot.host.nvml import Device, Gpus
from snapshot.host.toolkit import KIND, Toolkit
from snapshot.project.names import display

Way = Literal["nvidia", "cdi"]
"""`nvidia`: a device request, as `docker run --gpus` makes it; `cdi`: Container Device Interface, `--device`."""
_PREFIX = f"{KIND}="
_COUNT = re.compile(r"[0-9]{1,3}")
_HINT = "write `all`, a number, or `device=` and indices or UUIDs, as in `--gpus device=0,1`"


class Wish(Value, kw_only=True, frozen=True):
    """What `--gpus` asks for."""

    count: int | None
    """So many, the first ones; -1 for all; None when `devices` names them."""
    devices: tuple[str, ...] = ()
    """Indices (`0`), parts of GPUs (`0:1`), UUIDs or beginnings of them, or CDI names (`nvidia.com/gpu=0`)."""
    way: Way | None = None
    """What `driver=` demands."""
    capabilities: tuple[str, ...] = ()
    """Driver libraries beside the usual ones (`graphics`, `video`); a specification of CDI settles them itself."""


class Unit(Value, kw_only=True, frozen=True):
    """Something that can be given: a GPU, or one part of a GPU in MIG mode."""

    label: str
    """`0`, or `0:1` for a part, as NVIDIA's toolkit has it."""
    uuid: str | None
    device: Device

    @property
    def title(self) -> str:
        """For people, as in `GPU 0 (NVIDIA A100-SXM4-40GB)`."""
        return f"GPU {self.label}" + (f" ({self.device.name})" if self.device.name else "")


def wish(text: str) -> Wish:
    """What `text`, the value of `--gpus`, asks for; raises UsageError where that can't be.

    As `docker run --gpus` has it (docker/cli `opts/gpus.go`), with `device=0,1` not needing quotes of its own.
    """
    fields = _fields(text)
    if not fields:
        raise _refused(text)
    count, devices = fields.pop("count", None), tuple(part for part in fields.pop("device", "").split(",") if part)
    driver = fields.pop("driver", None)
    capabilities = tuple(part for part in fields.pop("capabilities", "").split(",") if part)
    if fields or (count is not None and devices) or not display(text) == text:
        raise _refused(text)
    if driver not in (None, "nvidia", "cdi"):
        raise UsageError(f"`--gpus` knows no driver `{display(driver)}`", hint="write `driver=nvidia` or `driver=cdi`")
    if count == "all":
        number = -1
    elif count is None or _COUNT.fullmatch(count):
        number = int(count or 1)
    else:
        raise _refused(text)
    if number == 0:
        raise UsageError("`--gpus 0` asks for no GPU", hint="leave it out to run on the CPU; GPU 0 is `device=0`")
    kinds = {device.startswith(_PREFIX) for device in devices}
    if len(kinds) > 1 or (True in kinds and driver == "nvidia"):
        raise UsageError(
            f"`--gpus {text}` mixes CDI names with others",
            hint=f"name all devices alike, as in `--gpus device={_PREFIX}0`",
        )
    way: Way | None = "cdi" if driver == "cdi" or True in kinds else "nvidia" if driver else None
    return Wish(count=None if devices else number, devices=devices, way=way, capabilities=capabilities)


def _fields(text: str) -> dict[str, str]:
    """The keys and values; what follows `device=0` without a key belongs to it."""
    found: dict[str, str] = {}
    last = ""
    try:
        (parts,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError):
        raise _refused(text) from None
    for part in parts:
        key, separator, value = part.partition("=")
        if (not separator or part.startswith(_PREFIX)) and last in ("device", "capabilities"):
            found[last] += f",{part}"
            continue
        key, value = (key, value) if separator else ("count", key)
        if key in found or not value:
            raise _refused(text)
        found[key], last = value, key
    return found


def _refused(text: str) -> UsageError:
    return UsageError(f"`--gpus` does not take `{display(text)}`", hint=_HINT)


def units(gpus: Gpus) -> tuple[Unit, ...]:
    """All that can be given: the GPUs, and instead of those in MIG mode their parts."""
    return tuple(unit for device in gpus.devices for unit in _units(device))


def _units(device: Device) -> Iterator[Unit]:
    if device.mig is None:
        yield Unit(label=str(device.index), uuid=device.uuid, device=device)
    for part in device.mig or ():
        yield Unit(label=f"{device.index}:{part.index}", uuid=part.uuid, device=device)


def named(wish: Wish, gpus: Gpus) -> dict[str, tuple[Unit, ...]]:
    """What each word of the wish means here: nothing for a device that is not there.

    The words are `devices`, or the indices that a count stands for.
    """
    everything = units(gpus)
    if wish.count == -1:
        return {"all": everything}
    words = wish.devices or tuple(str(index) for index in range(wish.count or 0))
    return {word: _meant(word.removeprefix(_PREFIX), everything) for word in words}


def _meant(word: str, everything: tuple[Unit, ...]) -> tuple[Unit, ...]:
    if word == "all":
        return everything
    same = tuple(u for u in everything if word in (u.label, u.uuid, str(u.device.index), u.device.uuid))
    if same or not word.startswith(("GPU-", "MIG-")):
        return same
    near = tuple(unit for unit in everything if (unit.uuid or "").startswith(word))
    return near if len(near) == 1 else ()


def chosen(wish: Wish, gpus: Gpus) -> tuple[Unit, ...]:
    """The devices that the wish means, each once."""
    return tuple({unit.label: unit for found in named(wish, gpus).values() for unit in found}.values())


def way(wish: Wish, toolkit: Toolkit) -> Way | None:
    """The way that the engine gives them by: the one that is demanded, else the hook, else CDI; None for none."""
    if wish.way:
        return wish.way
    if toolkit.hook:
        return "nvidia"
    if toolkit.cdi:
        return "cdi"
    # An engine elsewhere has to say itself that it can't.
    return "nvidia" if toolkit.hook is None else None


def options(wish: Wish, way: Way, toolkit: Toolkit, gpus: Gpus | None) -> tuple[str, ...]:
    """The options of `docker run`."""
    if way == "cdi":
        return tuple(f"--device={name}" for name in cdi_names(wish, toolkit, gpus))
    parts = [f"driver={wish.way}"] if wish.way else []
    if wish.devices:
        parts.append(_quoted("device=" + ",".join(_whole(wish, gpus))))
    else:
        parts.append("all" if wish.count == -1 else str(wish.count))
    if wish.capabilities:
        parts.append(_quoted("capabilities=" + ",".join(wish.capabilities)))
    return ("--gpus=" + ",".join(parts),)


def _whole(wish: Wish, gpus: Gpus | None) -> list[str]:
    """The devices by the words of the wish; by UUID where that is plainer: its beginning, or a part of a GPU."""
    found = named(wish, gpus) if gpus else {}

    def plain(word: str) -> str:
        unit = found[word][0] if len(found.get(word, ())) == 1 else None
        return (unit.uuid or word) if unit and (":" in word or not word.isdigit()) else word

    return list(dict.fromkeys(plain(word) for word in wish.devices))


def _quoted(field: str) -> str:
    """As the engine's command line takes a value with commas."""
    return f'"{field}"' if "," in field else field


def cdi_names(wish: Wish, toolkit: Toolkit, gpus: Gpus | None) -> tuple[str, ...]:
    """The CDI devices that the wish means: by the names that the specifications give, indices or UUIDs."""
    if wish.count == -1 and (f"{_PREFIX}all" in toolkit.cdi or gpus is None):
        return (f"{_PREFIX}all",)
    if gpus is None:
        words = wish.devices or tuple(str(index) for index in range(wish.count or 0))
        return tuple(_PREFIX + word.removeprefix(_PREFIX) for word in words)
    out: list[str] = []
    for word, found in named(wish, gpus).items():
        if word.startswith(_PREFIX):
            out.append(word)
        else:
            out += [_cdi_name(unit, toolkit) for unit in found]
    return tuple(dict.fromkeys(out))


def _cdi_name(unit: Unit, toolkit: Toolkit) -> str:
    by_uuid = f"{_PREFIX}{unit.uuid}"
    return by_uuid if by_uuid in toolkit.cdi else f"{_PREFIX}{unit.label}"
