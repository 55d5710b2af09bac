"""Runs pushed into a registry, which may misbehave, and pulled from there, by whomever they were put there."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import tempfile
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from snapshot import digest
from snapshot.errors import BuildError, HostError, IntegrityError, NetworkError, SnapshotError, StoreError, UsageError
from snapshot.host.engine import Engine
from snapshot.record import fsck, labels
from snapshot.record.document import Request, Run, Taken
from snapshot.record.labels import Pushed
from snapshot.record.store import Store
from snapshot.share import pull, push, remote
from snapshot.share.progress import Progress
from tests.unit.host.registry_double import RegistryDouble, on
from tests.unit.record.records import edge, run_id
from tests.unit.record.stores import listed
from tests.unit.share import kits
from tests.unit.share.archives import EngineDouble, Forger, tar_of, trained


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In memory where there is some: each push and pull waits for the disk many times, which is not what is tested."""
    memory = "/dev/shm"
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    return tmp_path / "cache" / "snapshot"


@pytest.fixture
def registry() -> Iterator[RegistryDouble]:
    double = RegistryDouble()
    yield double
    double.shutdown()
    double.server_close()


@pytest.fixture
def engine() -> EngineDouble:
    return EngineDouble()


@pytest.fixture
def made(store: Store, engine: EngineDouble) -> Run:
    return trained(store, engine)


@pytest.fixture
def send(store: Store, registry: RegistryDouble, cache: Path) -> Callable[..., push.Sent]:
    def sending(engine: EngineDouble, run: Run, tag: str = "best", **options: Any) -> push.Sent:
        reference = f"{registry.address}/team/digits:{tag}"
        return push.push(store, cast(Engine, engine), run, reference, cache=cache, **options)

    return sending


@pytest.fixture
def fetch(other: Store, registry: RegistryDouble) -> Callable[..., Run]:
    def fetching(engine: EngineDouble | None = None, tag: str = "best", **options: Any) -> Run:
        return pull.pull(other, cast(Engine, engine), f"{registry.address}/team/digits:{tag}", **options)

    return fetching


def same_files(store: Store, other: Store, run: Run) -> bool:
    """Whether what belongs to the run is the same in both stores."""
    one, two = store.folder(run.id), other.folder(run.id)
    files = {path.relative_to(one) for path in one.rglob("*") if path.is_file()}
    return files == {path.relative_to(two) for path in two.rglob("*") if path.is_file()} and all(
        (one / name).read_bytes() == (two / name).read_bytes() for name in files
    )


class TestThereAndBack:
    @pytest.mark.parametrize("kind", ["overlay2", "containerd"])
    def test_the_run_and_an_image_with_the_same_id(self, store, other, send, fetch, kind):
        engine, empty = EngineDouble(kind), EngineDouble(kind)
        run = trained(store, engine)
        sent = send(engine, run)
        assert fetch(empty) == run
        assert same_files(store, other, run)
        assert list(fsck.examine(other)) == []
        image = empty.image(run.platform.reference)
        assert image is not None
        assert image.id == run.platform.image
        origin = labels.of(other, run.id).origin
        assert origin is not None
        assert origin.reference == f"{sent.reference}@{sent.digest}"

    @pytest.mark.parametrize(("kind", "others"), [("overlay2", "containerd"), ("containerd", "overlay2")])
    def test_on_the_other_kind_of_store_the_same_layers_and_configuration(self, store, send, fetch, kind, others):
        engine, elsewhere = EngineDouble(kind), EngineDouble(others)
        run = trained(store, engine)
        send(engine, run)
        fetch(elsewhere)
        one, two = engine.image(run.platform.reference), elsewhere.image(run.platform.reference)
        assert one and two and one.layers == two.layers
        manifests = [double.blobs[double.manifests[image.id]] for double, image in ((engine, one), (elsewhere, two))]
        assert len({json.loads(manifest)["config"]["digest"] for manifest in manifests}) == 1

    def test_lists_of_data_ancestors_and_what_from_had_put_in_place(self, store, other, engine, send, fetch):
        trained(store, engine, 1)
        data = listed(store, b"snap.data/1\n" + b"0" * 64 + b" 1 a.csv\0")
        taken = Taken(run=run_id(1), path="out/model.pt", target="start.pt", sha256=digest.of_bytes(b"weights"))
        run = trained(store, engine, 2, data=(data,), parents=(edge(1), edge(7)), taken=(taken,))
        send(engine, run)
        fetch()
        assert (other.folder(run.id) / "taken" / "start.pt").read_bytes() == b"weights"
        assert (other.folder(run.id) / "lineage" / f"{run_id(1)}.json").exists()
        assert list(fsck.examine(other)) == []

    def test_names_that_are_not_utf8(self, store, other, engine, send, fetch):
        store.create()
        (store.project / "caf\udce9.txt").write_text("name")
        (store.project / ("long" * 40)).write_text("name")
        send(engine, trained(store, engine))
        fetch()
        assert list(fsck.examine(other)) == []

    def test_twice_is_the_same_digest_and_asks_no_engine(self, made, engine, send):
        first = send(engine, made)
        again = send(EngineDouble(), made, "again")
        assert (again.digest, again.bytes) == (first.digest, 0)
        assert engine.saves == 1

    def elsewhere(self, registry: RegistryDouble, cache: Path) -> dict[str, bytes]:
        """What was pushed is in another repository of the registry, from now on; its blobs."""
        for path in (cache / "platforms").iterdir():
            kits.change_json(path, lambda said: said.update(places=[f"{registry.address}/team/elsewhere"]))
        blobs, registry.blobs = registry.blobs, {}
        return blobs

    def test_another_repository_of_the_registry_hands_over_what_it_has(self, made, engine, send, registry, cache):
        send(engine, made)
        blobs = self.elsewhere(registry, cache)

        def mounted(request: Any) -> bool:
            asked = urllib.parse.parse_qs(urllib.parse.urlsplit(request.path).query)
            assert asked["from"] == ["team/elsewhere"]
            registry.blobs[asked["mount"][0]] = blobs[asked["mount"][0]]
            return bool(request.answer(201))

        registry.faults = [on("POST", "mount=", mounted) for _ in range(3)]
        send(EngineDouble(), made, "again")
        assert registry.blobs == blobs

    def test_one_that_hands_over_nothing_gets_all_of_it(self, made, engine, send, registry, cache):
        send(engine, made)
        blobs = self.elsewhere(registry, cache)
        registry.faults = [on("POST", "mount=", lambda r: r.answer(403))]
        send(engine, made, "again")
        assert registry.blobs == blobs

    def test_a_lost_cache_is_no_harm(self, made, engine, send, cache):
        first = send(engine, made)
        for path in (cache / "platforms").iterdir():
            path.write_text("{")
        again = send(engine, made)
        assert (again.digest, again.bytes, engine.saves) == (first.digest, 0, 2)

    def test_another_run_of_the_platform_sends_its_own_layers_alone(self, store, made, engine, send, registry):
        send(engine, made)
        before = len(registry.blobs)
        other = trained(store, engine, 2)
        send(EngineDouble(), other)
        # Of the same code and results: its record and its configuration.
        assert len(registry.blobs) == before + 2

    def test_pushed_on_from_where_it_was_pulled_without_an_engine(
        self, made, engine, send, fetch, other, cache, registry
    ):
        first = send(engine, made)
        run = fetch(EngineDouble())
        on = push.push(other, cast(Engine, EngineDouble()), run, f"{registry.address}/team/digits:on", cache=cache)
        assert on.digest == first.digest

    def test_a_layer_that_the_registry_has_of_another_platform_is_not_packed_again(self, store, made, engine, send):
        send(engine, made)
        lock = kits.a_lock(b"another wheel")
        from snapshot.image.dockerfile import image_reference
        from tests.unit.share.archives import BASE

        engine.have(image_reference(lock), (BASE, tar_of({"other": b"other"})))
        sent = send(engine, trained(store, engine, 2, lock), "second")
        assert sent.bytes < len(BASE)

    def test_a_run_that_is_there_stays_as_it_is(self, made, engine, send, fetch, other):
        send(engine, made)
        fetch()
        labels.tag(other, made.id, "mine", "2026-01-03T00:00:00.000Z")
        assert fetch() == made
        assert list(labels.of(other, made.id).tags) == ["mine"]


class TestWithoutResults:
    def test_it_is_known_that_they_are_not_there(self, made, engine, send, fetch, other, registry, cache):
        send(engine, made, results=False)
        run = fetch()
        origin = labels.of(other, run.id).origin
        assert origin is not None and not origin.results
        assert list(fsck.examine(other)) == []
        # Nor can it be handed on with them.
        sent = push.push(other, cast(Engine, engine), run, f"{registry.address}/team/digits:on", cache=cache)
        assert sent.digest == digest.of_bytes(registry.manifests["best"])

    def test_a_result_that_was_taken_out_by_somebody_is_missed(self, made, engine, send, fetch, registry):
        send(engine, made)
        forger = Forger(registry, "best")
        files = forger.files("results")
        files.popitem()
        forger.replace("results", tar_of(files))
        forger.push()
        with pytest.raises(IntegrityError, match="lacks"):
            fetch()


def data_list(files: dict[str, bytes], links: dict[str, bytes]) -> bytes:
    """The list of a data folder."""
    lines = {name: f"{sha(data)} {len(data)} {name}\0" for name, data in files.items()}
    lines |= {name: f"link:{sha(text)} {len(text)} {name}\0" for name, text in links.items()}
    return b"snap.data/1\n" + "".join(lines[name] for name in sorted(lines)).encode()


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


FILES, LINKS = {"a.csv": b"1,2\n", "sub/b.csv": b"3\n"}, {"link": b"sub/b.csv"}


class TestData:
    @pytest.fixture
    def learnt(self, store: Store, engine: EngineDouble) -> Run:
        """A run with data in a folder, and a file elsewhere."""
        for name, content in FILES.items():
            (store.project / "data" / name).parent.mkdir(parents=True, exist_ok=True)
            (store.project / "data" / name).write_bytes(content)
        (store.project / "data/link").symlink_to("sub/b.csv")
        outer = store.project.parent / "labels.txt"
        outer.write_bytes(b"cat\n")
        folder = listed(store, data_list(FILES, LINKS))
        folder = msgspec.structs.replace(folder, identified="content", files=3, bytes=6)
        file = msgspec.structs.replace(
            folder, path=str(outer), target="/mnt/labels.txt", kind="file", reason="option", bytes=4, files=None,
            digest=digest.of_bytes(b"cat\n"),
        )  # fmt: skip
        (store.project / ".gitignore").write_text("data\n")
        return trained(store, engine, data=(folder, file))

    def test_they_come_along_and_go_on_from_there(self, learnt, engine, send, fetch, other, registry, cache):
        sent = send(engine, learnt, with_data=True)
        run = fetch()
        place = other.folder(run.id) / "inputs"
        for name, content in FILES.items():
            assert (place / "workspace/data" / name).read_bytes() == content
        assert (place / "workspace/data/link").readlink() == Path("sub/b.csv")
        assert (place / "mnt/labels.txt").read_bytes() == b"cat\n"
        origin = labels.of(other, run.id).origin
        assert origin is not None and origin.data
        assert list(fsck.examine(other)) == []
        on = f"{registry.address}/team/digits:on"
        assert push.push(other, cast(Engine, engine), run, on, cache=cache, with_data=True).digest == sent.digest

    def test_they_stay_where_they_are_if_nobody_wants_them(self, learnt, engine, send, fetch, other):
        send(engine, learnt, with_data=True)
        assert not (other.folder(fetch(with_data=False).id) / "inputs").exists()

    def test_they_are_not_pushed_unless_that_is_asked_for(self, learnt, engine, send, fetch, other):
        send(engine, learnt)
        assert not (other.folder(fetch().id) / "inputs").exists()
        origin = labels.of(other, learnt.id).origin
        assert origin is not None and not origin.data

    def test_others_than_the_run_had_are_not_pushed(self, store, learnt, engine, send, registry):
        (store.project / "data/a.csv").write_bytes(b"1,3\n")
        with pytest.raises(IntegrityError, match="is not what it was"):
            send(engine, learnt, with_data=True)
        assert registry.manifests == {}

    def forged(self, registry: RegistryDouble, files: dict[str, bytes], links: dict[str, bytes]) -> None:
        """Other data, with all digests right."""
        forger = Forger(registry, "best")
        entries = data_list(files, links)
        forger.change_record(lambda run: run["data"][0].update(digest=digest.of_bytes(entries), bytes=10**6, files=99))
        record = forger.files("record")
        forger.replace("record", tar_of({**record, f"opt/snap/data/{sha(entries)}.gz": gzip.compress(entries)}))
        layer = {f"workspace/data/{name}": content for name, content in files.items()}
        below = {f"workspace/data/{name}": text for name, text in links.items()}
        forger.replace("data", tar_of({**layer, "mnt/labels.txt": b"cat\n"}, below))
        forger.push()

    @pytest.mark.parametrize(
        ("files", "links"),
        [
            ({"../../../../x": b"evil"}, {}),
            ({"/x": b"evil"}, {}),
            ({"a": b"evil", "a/b": b"evil"}, {}),
            ({"sub/x": b"evil"}, {"sub": b"/tmp"}),
            ({"sub/x": b"evil"}, {"sub": b"../../.."}),
        ],
    )
    def test_names_that_lead_out_are_refused(self, files, links, learnt, engine, send, fetch, other, registry):
        send(engine, learnt, with_data=True)
        self.forged(registry, files, links)
        with pytest.raises(IntegrityError, match="where no run can have them"):
            fetch()
        assert other.ids() == []
        assert not list(other.project.rglob("x"))

    def test_other_bytes_are_refused(self, learnt, engine, send, fetch, other, registry):
        send(engine, learnt, with_data=True)
        forger = Forger(registry, "best")
        files = forger.files("data")
        forger.replace(
            "data", tar_of({**files, "workspace/data/a.csv": b"9,9\n"}, {"workspace/data/link": b"sub/b.csv"})
        )
        forger.push()
        with pytest.raises(IntegrityError, match="is not what the run had"):
            fetch()
        assert other.ids() == []


class TestTheImage:
    def configuration(self, registry: RegistryDouble) -> dict[str, Any]:
        found = json.loads(registry.blobs[json.loads(registry.manifests["best"])["config"]["digest"]])
        return cast(dict[str, Any], found)

    def test_it_repeats_the_run(self, store, engine, send, registry):
        run = trained(store, engine, request=Request(environment={"SEED": "1", "PATH": "/mine"}))
        send(engine, run)
        found = self.configuration(registry)
        config = found["config"]
        assert config["Cmd"] == ["/usr/bin/python3", "train.py"]
        assert (config["WorkingDir"], config["User"], config["Entrypoint"]) == ("/workspace", "", None)
        env = dict(item.split("=", 1) for item in config["Env"])
        assert (env["SEED"], env["PATH"], env["HOME"], env["SNAP_RUN"]) == ("1", "/mine", "/tmp", run.id)
        assert len(env) == len(config["Env"])
        assert config["Labels"]["a"] == "b"
        assert len(found["rootfs"]["diff_ids"]) == len(json.loads(registry.manifests["best"])["layers"])

    def test_it_tells_nothing_of_the_environment(self, store, engine, send, registry):
        run = trained(store, engine, request=Request(environment={"TOKEN": "s3cret"}))
        send(engine, run)
        manifest = registry.manifests["best"]
        assert b"s3cret" not in manifest
        assert b"s3cret" not in json.dumps(self.configuration(registry)["config"]["Labels"]).encode()

    def test_what_is_in_which_layer(self, made, engine, send, registry):
        send(engine, made)
        forger = Forger(registry, "best")
        roles = [forger.role(number) for number in range(len(forger.manifest["layers"]))]
        assert roles == ["platform", "platform", "identity", "code", "results", "record"]
        assert set(forger.files("code")) == {"workspace/train.py"}
        assert set(forger.files("results")) == {"opt/snap/outputs/loss.json", "opt/snap/outputs/out/model.pt"}
        record = set(forger.files("record"))
        assert {f"opt/snap/{name}" for name in ("run.json", "snap.lock", "log", "code.json", "SHA256SUMS")} <= record
        assert "usr/local/lib/python3.11/dist-packages/snapshot-log.pth" in record


class TestTags:
    def test_without_one_it_is_the_id(self, store, made, engine, registry, cache):
        sent = push.push(store, cast(Engine, engine), made, f"{registry.address}/team/digits", cache=cache)
        assert sent.reference == f"{registry.address}/team/digits:{made.id}"
        assert list(registry.manifests) == [made.id]

    def test_one_that_moves_is_told(self, store, made, engine, send):
        first = send(engine, made)
        warnings: list[str] = []
        send(engine, trained(store, engine, 2), progress=Progress(warn=warnings.append))
        (told,) = warnings
        assert f"was run `{made.id}` until now" in told
        assert first.digest in told
        warnings.clear()
        send(engine, made, progress=Progress(warn=warnings.append))
        assert "was moved since" in warnings[0]

    def test_another_image_is_told(self, made, engine, send, registry):
        registry.manifests["best"] = b'{"schemaVersion": 2}'
        warnings: list[str] = []
        send(engine, made, progress=Progress(warn=warnings.append))
        assert "was another image until now" in warnings[0]

    def test_the_same_run_again_is_no_news(self, made, engine, send):
        warnings: list[str] = []
        for _ in range(2):
            send(engine, made, progress=Progress(warn=warnings.append))
        assert warnings == []

    def test_a_digest_is_not_to_be_pushed_to(self, store, made, engine, registry, cache):
        with pytest.raises(UsageError, match="names what is there already"):
            push.push(
                store, cast(Engine, engine), made, f"{registry.address}/team/digits@sha256:{'0' * 64}", cache=cache
            )

    def test_none_is_nothing_to_pull(self, other, registry):
        with pytest.raises(UsageError, match="names no tag"):
            pull.pull(other, None, f"{registry.address}/team/digits")
        with pytest.raises(NetworkError, match="there is no `") as caught:
            pull.pull(other, None, f"{registry.address}/team/digits:none")
        assert "snap ls" in (caught.value.hint or "")


class TestWhatGoesWrongWhilePushing:
    def refused(self, send: Callable[..., push.Sent], engine: EngineDouble, run: Run, kind: type[SnapshotError]) -> str:
        with pytest.raises(kind) as caught:
            send(engine, run)
        assert caught.value.hint
        return caught.value.message

    def nothing_left(self, store: Store, run: Run, cache: Path) -> bool:
        return labels.of(store, run.id).pushed == () and list((cache / "transfers").glob("*")) == []

    def test_authorization_ends_in_the_middle(self, store, made, engine, send, registry, cache):
        registry.faults += [on("PUT", "/blobs/", lambda r: r.answer(401, WWW_Authenticate="Basic"))]
        said = self.refused(send, engine, made, NetworkError)
        assert "password" in said or "refuses" in said or "log" in said
        assert registry.manifests == {}
        assert self.nothing_left(store, made, cache)

    def test_the_registry_is_full(self, store, made, engine, send, registry, cache):
        registry.faults += [on("PUT", "/blobs/", lambda r: r.answer(500, b"no space left on device"))]
        assert "is full" in self.refused(send, engine, made, NetworkError)
        assert registry.manifests == {}
        assert self.nothing_left(store, made, cache)

    def test_a_connection_that_breaks_is_no_harm(self, made, engine, send, registry):
        registry.faults += [on("PUT", "/blobs/", lambda r: r.hang_up()), on("HEAD", "/blobs/", lambda r: r.hang_up())]
        send(engine, made)
        assert "best" in registry.manifests

    def test_the_registry_gives_back_another_manifest(self, store, made, engine, send, registry, cache):
        def forget(request: Any) -> bool:
            registry.manifests["best"] = b'{"schemaVersion": 2}'
            return False

        registry.faults += [lambda r: r.command == "GET" and "best" in registry.manifests and forget(r)]
        assert "after sha256:" in self.refused(send, engine, made, IntegrityError)
        assert self.nothing_left(store, made, cache)

    def test_the_engine_lacks_the_image(self, made, send):
        assert "does not have the image" in self.refused(send, EngineDouble(), made, BuildError)

    def test_the_engine_has_another_image_of_that_name(self, made, send):
        engine = EngineDouble()
        engine.have(made.platform.reference, (tar_of({"other": b"other"}),))
        assert "is not the one that the run had" in self.refused(send, engine, made, IntegrityError)

    def test_a_result_has_rotten(self, store, made, engine, send, registry):
        (store.folder(made.id) / "outputs" / "out/model.pt").write_bytes(b"WEIGHTS")
        assert "is not what it was" in self.refused(send, engine, made, IntegrityError)
        assert registry.manifests == {}

    def test_the_engine_is_too_old_for_a_layout(self, made, engine, send, monkeypatch):
        monkeypatch.setattr(engine, "save", lambda _: iter([tar_of({"manifest.json": b"[]", "repositories": b"{}"})]))
        assert "too old" in self.refused(send, engine, made, HostError)

    def test_a_run_that_goes_on(self, made, engine, send):
        running = msgspec.structs.replace(made, exit=None)
        assert "is not finished" in self.refused(send, engine, running, UsageError)

    def test_a_run_that_never_ran(self, made, engine, send):
        platform = msgspec.structs.replace(made.platform, image="")
        never = msgspec.structs.replace(made, platform=platform)
        assert "never ran" in self.refused(send, engine, never, UsageError)

    def test_data_that_were_not_identified(self, store, engine, send):
        data = msgspec.structs.replace(listed(store, b""), identified="mtime")
        with pytest.raises(UsageError, match="not identified by their content"):
            send(engine, trained(store, engine, data=(data,)), with_data=True)


def rename(files: dict[str, bytes], old: str, new: str) -> dict[str, bytes]:
    return {new if name == old else name: data for name, data in files.items()}


def cut(forger: Forger) -> None:
    forger.replace("results", tar_of(forger.files("results"))[:1500])


def bomb(forger: Forger) -> None:
    forger.replace("code", tar_of({"workspace/train.py": b"print(1)\n", "workspace/zeros": b"\0" * 10_000_000}))


def liar(forger: Forger) -> None:
    files = forger.files("code")
    forger.replace("code", tar_of({**files, "workspace/zeros": b"\0" * 1_000_000}), size=20_480)


def code_elsewhere(forger: Forger) -> None:
    files = rename(forger.files("code"), "workspace/train.py", "workspace/../../train.py")
    forger.replace("code", tar_of(files))


def newer_record(forger: Forger) -> None:
    forger.change_record(lambda run: run.update(schema="snap.run/9"))


def other_name(forger: Forger) -> None:
    forger.change_record(lambda run: run["platform"].update(reference="python:3.12"))


def annotate(**said: str) -> Callable[[Forger], object]:
    return lambda forger: forger.manifest["annotations"].update({f"org.snapshot-ml.{k}": v for k, v in said.items()})


def annotate_layer(number: int, **said: str) -> Callable[[Forger], object]:
    annotations = {f"org.snapshot-ml.{key}": value for key, value in said.items()}
    return lambda forger: forger.manifest["layers"][number].update(annotations=annotations)


def platform_of_another(forger: Forger) -> None:
    forger.replace("platform", tar_of({"evil": b"evil"}))


FORGERIES: dict[str, tuple[Callable[[Forger], object], type[SnapshotError], str]] = {
    "no tar": (lambda f: f.replace("record", b"no tar" * 1000), IntegrityError, "no tar|lacks"),
    "no gzip": (lambda f: f.replace("record", b"", size=9000, blob=b"none"), IntegrityError, "can't be unpacked"),
    "cut": (cut, IntegrityError, "."),
    "bomb": (bomb, IntegrityError, "larger than it can be"),
    "a size that is not true": (liar, IntegrityError, "larger than it can be"),
    "no size": (annotate_layer(3, layer="code"), IntegrityError, "larger than it can be"),
    "a path that leads out": (code_elsewhere, IntegrityError, "lacks"),
    "another script": (lambda f: f.replace("code", tar_of({"workspace/train.py": b"import os"})), IntegrityError, "."),
    "a record of a newer version": (newer_record, StoreError, "snap.run/9"),
    "a newer image": (annotate(schema="snap.image/9"), StoreError, "version `9`"),
    "another image": (lambda f: f.manifest.pop("annotations"), UsageError, "not a run"),
    "another run": (annotate(run=run_id(5)), IntegrityError, "has the record"),
    "an ID that leads out": (lambda f: f.change_record(lambda r: r.update(id="../../x")), IntegrityError, "."),
    "the name of another image": (other_name, IntegrityError, "not that of its lock"),
    "layers in another order": (lambda f: f.manifest["layers"].reverse(), IntegrityError, "does not write"),
    "a layer of an unknown kind": (annotate_layer(0, layer="x"), IntegrityError, "does not write"),
    "fewer layers": (lambda f: f.manifest["layers"].pop(0), IntegrityError, "other layers"),
    "no digest": (lambda f: f.manifest["layers"][3].update(digest="md5:1"), IntegrityError, "does not write"),
    "a file twice": (lambda f: f.replace("results", tar_of({"opt/snap/run.json": b"{}"})), IntegrityError, "no run of"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_what_somebody_forged_is_refused_and_leaves_nothing(name, made, engine, send, fetch, other, registry, cache):
    forge, kind, said = FORGERIES[name]
    send(engine, made)
    forger = Forger(registry, "best")
    forge(forger)
    forger.push()
    empty = EngineDouble()
    with pytest.raises(kind, match=said) as caught:
        fetch(empty)
    assert caught.value.hint
    assert other.ids() == []
    assert labels.paths(other) == []
    assert empty.images == {}
    assert list((cache / "transfers").glob("*")) == []
    assert not (other.project / "train.py").exists()


@pytest.mark.parametrize(
    ("forge", "said"),
    [
        (platform_of_another, "another platform"),
        (lambda f: f.change_record(lambda r: r["platform"].update(image="sha256:" + "0" * 64)), "another platform"),
        (lambda f: f.replace("identity", tar_of({"opt/snap/platform/config.json": b"{}"})), "can't be read"),
        (lambda f: f.replace("identity", tar_of({})), "lacks"),
    ],
)
def test_a_platform_that_is_not_the_one_of_the_record(forge, said, made, engine, send, fetch, registry):
    send(engine, made)
    forger = Forger(registry, "best")
    forge(forger)
    forger.push()
    empty = EngineDouble()
    with pytest.raises(IntegrityError, match=said):
        fetch(empty)
    assert empty.images == {}


def test_bytes_that_are_not_those_of_their_digest(made, engine, send, fetch, other, registry):
    send(engine, made)
    blob = Forger(registry, "best").manifest["layers"][-1]["digest"]
    registry.blobs[blob] = registry.blobs[blob][:-1] + b"x"
    with pytest.raises(IntegrityError, match="other bytes"):
        fetch()
    assert other.ids() == []


def test_an_image_of_that_name_is_never_replaced(made, engine, send, fetch):
    send(engine, made)
    own = EngineDouble()
    mine = own.have(made.platform.reference, (tar_of({"own": b"own"}),))
    with pytest.raises(IntegrityError, match="which is left alone"):
        fetch(own)
    image = own.image(made.platform.reference)
    assert image is not None and image.id == mine


def test_another_run_of_that_id_is_not_touched(made, engine, send, fetch, other):
    send(engine, made)
    mine = kits.kept(other, name="mine")
    with pytest.raises(UsageError, match="has another run"):
        fetch()
    assert other.read(mine.id) == mine


class TestListing:
    def test_runs_and_other_images(self, store, made, engine, send, registry):
        send(engine, made)
        second = trained(store, engine, 2, name="second")
        send(engine, second, "newer")
        registry.manifests["also"] = registry.manifests["newer"]
        registry.manifests["other"] = b'{"schemaVersion": 2}'
        tags = json.dumps({"tags": ["also", "best", "gone", "newer", "other"]}).encode()
        registry.faults += [on("GET", "/tags/", lambda r: r.answer(200, tags))]
        found = remote.listing(f"{registry.address}/team/digits")
        assert [(one.summary.id, one.tags) for one in found.runs] == [
            (second.id, ("also", "newer")),
            (made.id, ("best",)),
        ]
        assert found.runs[0].summary.name == "second"
        assert found.others == ("other",)

    def test_it_says_what_the_record_does(self, made, engine, send, registry):
        send(engine, made)
        (one,) = remote.listing(f"{registry.address}/team/digits:best").runs
        assert one.summary.command == made.command
        assert (one.summary.exit, one.summary.outputs, one.summary.seconds) == (made.exit, 2, made.seconds)


def test_a_push_is_kept_with_the_run(store, made, engine, send):
    sent = send(engine, made)
    send(engine, made)
    (pushed,) = labels.of(store, made.id).pushed
    assert pushed == Pushed(reference=sent.reference, digest=sent.digest, time=pushed.time)
