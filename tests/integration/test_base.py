"""The base image: the same from the same archive, complete in its own list, and free of this machine."""

import json
import os
import tarfile
from pathlib import Path

import pytest

IMAGE = "snapshot-base:bookworm"
VOLATILE = ("var/log/", "var/cache/apt/", "var/cache/ldconfig/", "var/lib/apt/lists/", "run/", "tmp/", "root/.cache/")
ETC_MOUNTS = ("etc/hosts", "etc/hostname", "etc/resolv.conf")


def inspect(command, env, image=IMAGE) -> dict:
    return json.loads(command("docker", "image", "inspect", image, env=env).stdout)[0]


def inside(command, env, *argv: str) -> str:
    return command("docker", "run", "--rm", "--network", "none", IMAGE, *argv, env=env).stdout


@pytest.fixture(scope="module")
def config(command, engine) -> dict:
    return inspect(command, engine)


@pytest.fixture(scope="module")
def layer(command, engine, tmp_path_factory) -> Path:
    """The image's one layer, unpacked from `docker save`."""
    folder = tmp_path_factory.mktemp("layer")
    command("docker", "save", "--output", folder / "image.tar", IMAGE, env=engine)
    with tarfile.open(folder / "image.tar") as image:
        (manifest,) = json.load(image.extractfile("manifest.json"))
        (name,) = manifest["Layers"]
        image.extract(name, folder, filter="data")
    return folder / name


@pytest.fixture(scope="module")
def entries(layer) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(layer) as archive:
        return {entry.name.removeprefix("./"): entry for entry in archive}


def test_two_bootstraps_give_the_same_image(command, engine, second_engine, tmp_path):
    # The one that is kept in the user's cache, which brought the engine its base, and one from scratch. What the caller
    # has in her environment must not show.
    own_cache = {"XDG_CACHE_HOME": str(tmp_path)}
    clean = {key: value for key, value in engine.items() if not key.startswith("PYTHON")}
    strange = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "7", "PYTHONOPTIMIZE": "2", "PERL5OPT": "-w"}
    kept = command("scripts/build-base", env=clean)
    fresh = command("scripts/build-base", "--no-cache", env=clean | own_cache | strange)
    assert "bootstrapping" in fresh.stderr
    assert fresh.stdout == kept.stdout

    content_tag, moving_tag, image_id = fresh.stdout.split()
    here = inspect(command, engine, content_tag)
    (diff_id,) = here["RootFS"]["Layers"]
    assert (here["Id"], moving_tag) == (image_id, IMAGE)
    assert content_tag == f"{IMAGE}-{diff_id.removeprefix('sha256:')[:12]}"

    # The other kind of image store numbers images otherwise, but the layer is the same to the bit.
    there = command("scripts/build-base", env=second_engine | own_cache)
    assert "bootstrapping" not in there.stderr
    assert there.stdout.split()[:2] == [content_tag, moving_tag]
    assert inspect(command, second_engine, content_tag)["RootFS"]["Layers"] == [diff_id]


def test_survives_a_registry(command, engine, second_engine, registry, config):
    reference = f"{registry}/base/bookworm:test"
    command("docker", "tag", IMAGE, reference, env=engine)
    command("docker", "push", "--quiet", reference, env=engine)
    command("docker", "pull", "--quiet", reference, env=second_engine)
    assert inspect(command, second_engine, reference)["RootFS"] == config["RootFS"]
    for env in (engine, second_engine):
        command("docker", "image", "rm", reference, env=env)


def test_labels_and_defaults(config):
    labels = config["Config"]["Labels"]
    assert labels["org.snapshot-ml.base.suite"] == "bookworm"
    assert labels["org.snapshot-ml.base.python"] == "3.11"
    assert int(labels["org.snapshot-ml.base.epoch"]) > 1_700_000_000
    assert config["Config"]["Entrypoint"] == ["tini", "--"]
    assert config["Config"]["Cmd"] == ["python3"]
    assert "LANG=C.UTF-8" in config["Config"]["Env"]


def test_python_is_whole(command, engine):
    words = "import bz2, ctypes, lzma, sqlite3, ssl, zoneinfo, sys; print(*sys.version_info[:2], sys.stdout.encoding)"
    assert inside(command, engine, "python3", "-c", words) == "3 11 utf-8\n"


def test_list_of_packages_is_complete(command, engine):
    header, *lines = inside(command, engine, "cat", "/usr/share/snapshot/debian-packages.tsv").splitlines()
    assert header == "name\tversion\tarchitecture\tsha256"
    assert lines == sorted(lines)
    listed = [line.rsplit("\t", 1) for line in lines]
    assert all(len(sha256) == 64 and set(sha256) <= set("0123456789abcdef") for _, sha256 in listed)

    form = r"${Package}\t${Version}\t${Architecture}\n"
    installed = inside(command, engine, "dpkg-query", "--show", "--showformat", form).splitlines()
    assert sorted(package for package, _ in listed) == sorted(installed)


def test_only_what_was_asked_for(command, engine):
    lines = inside(command, engine, "cut", "-f", "1", "/usr/share/snapshot/debian-packages.tsv").splitlines()
    assert {"python3", "ca-certificates", "tini", "apt", "dpkg"} <= set(lines)
    assert not {"perl", "gcc", "python3-pip", "python3-venv", "systemd", "curl"} & set(lines)
    assert len(lines) < 130


def test_package_system_stays_usable(command, engine):
    assert inside(command, engine, "sh", "-c", "dpkg --audit && dpkg --verify") == ""
    inside(command, engine, "apt-get", "check")
    sources = inside(command, engine, "cat", "/etc/apt/sources.list.d/debian.sources")
    uris = [line.split()[1] for line in sources.splitlines() if line.startswith("URIs:")]
    example = inside(command, engine, "cat", "/usr/share/doc/apt/examples/sources.list").split()
    assert [uri.rsplit("/", 1)[1] for uri in uris] == ["debian", "debian-security"]
    assert set(uris) <= set(example), "not the public archive but this machine's"


def test_files_that_engines_mount_over_are_empty(entries):
    assert [(entries[name].isfile(), entries[name].size) for name in ETC_MOUNTS] == [(True, 0)] * 3


def test_no_logs_caches_or_marks_of_a_machine(entries):
    def files_under(folder):
        return [name for name, entry in entries.items() if name.startswith(folder) and not entry.isdir() and entry.size]

    assert [name for name in entries if name.startswith("dev/")] == []
    assert "etc/machine-id" not in entries
    for folder in VOLATILE:
        assert files_under(folder) == []
    assert [name for name in entries if name.startswith("etc/apt/sources")] == [
        "etc/apt/sources.list.d", "etc/apt/sources.list.d/debian.sources",
    ]  # fmt: skip
    assert not {"etc/apt/apt.conf.d/99mmdebstrap", "etc/apt/preferences.d/born-merged"} & set(entries)


def test_nothing_is_younger_than_the_epoch(config, entries):
    epoch = int(config["Config"]["Labels"]["org.snapshot-ml.base.epoch"])
    assert [name for name, entry in entries.items() if entry.mtime > epoch] == []


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["sarge"], "unknown suite `sarge`"),
        (["--frob"], "unknown option `--frob`"),
        (["bookworm", "trixie"], "one suite at a time"),
    ],
)
def test_wrong_usage_says_what_and_what_to_do(command, arguments, error):
    done = command("scripts/build-base", *arguments, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {error}\nhint: ")


def test_without_an_engine(command, tmp_path):
    env = os.environ | {"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    done = command("scripts/build-base", env=env, check=False)
    assert done.returncode == 3
    assert done.stderr.startswith("error: no Docker engine is reachable\nhint: run `scripts/engine start`")
