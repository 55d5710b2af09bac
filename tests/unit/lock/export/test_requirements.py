"""`requirements.txt` with hashes."""

from pathlib import Path

import msgspec
from pip._internal.network.session import PipSession
from pip._internal.req import parse_requirements

from snapshot.lock.document import Lock
from snapshot.lock.export import export


def exported(lock: Lock) -> list[str]:
    return export(lock, "requirements", root=Path("/project")).splitlines()


def test_everything_that_has_a_hash_is_pinned_with_it(lock: Lock) -> None:
    lines = exported(lock)
    assert lines[1:3] == [
        "--index-url https://index.example/simple",
        "--extra-index-url https://other.example/simple",
    ]
    pins = {lines[i].removesuffix(" \\"): lines[i + 1].strip() for i in range(3, len(lines)) if lines[i][-1] == "\\"}
    assert pins == {
        "archived @ https://files.example/x.tar.gz": f"--hash=sha256:{'1' * 64}",
        "built==1.0": f"--hash=sha256:{'2' * 64}",
        "direct @ https://files.example/direct-2.0%2Bcu124-py3-none-any.whl": f"--hash=sha256:{b'd'.hex() * 32}",
        "found @ file:///some%20where/found-1.0-py3-none-any.whl": f"--hash=sha256:{b'f'.hex() * 32}",
        "local-file @ file:///my%20files/local-file-1.0.zip": f"--hash=sha256:{'3' * 64}",
        "numpy==2.4.6": f"--hash=sha256:{b'n'.hex() * 32}",
        "other-index==1.0": f"--hash=sha256:{b'o'.hex() * 32}",
    }


def test_what_pip_has_no_hash_for_is_told(lock: Lock) -> None:
    told = [line.partition("Apart: ")[2] for line in exported(lock) if "Apart" in line]
    assert told == [
        "pip install --no-deps 'local-folder @ file:///local%20folder'",
        "pip install --no-deps "
        f"'repository @ git+https://git.example/team/repository.git@{'f' * 40}#subdirectory=python'",
    ]


def test_pip_parses_every_line(lock: Lock, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(export(lock, "requirements", root=tmp_path))
    found = list(parse_requirements(str(tmp_path / "requirements.txt"), session=PipSession()))
    assert len(found) == 7 and all(requirement.options["hashes"] for requirement in found)


def test_an_address_of_a_forged_lock_stays_on_its_line(lock: Lock) -> None:
    hostile = "https://x/\n--index-url https://evil/ ${TOKEN}'; rm"
    numpy = msgspec.structs.replace(lock.packages[6], index=hostile)
    assert lock.packages[6].name == "numpy"
    lines = exported(msgspec.structs.replace(lock, packages=(numpy,)))
    assert len(lines) == 4 and lines[1].count(" ") == 1
    assert "${" not in lines[1] and "'" not in lines[1]
