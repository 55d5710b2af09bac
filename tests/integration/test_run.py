"""`snap run` as a user types it, on a real engine. The projects ask for no packages, so that the image is the base."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import textwrap
import time
from pathlib import Path

import pytest

from tests.integration.scenario import Gate, Project, open_to, wait_for


@pytest.fixture
def project(tmp_path: Path, engine: dict[str, str]) -> Project:
    return Project(tmp_path / "project", engine)


def test_a_run_leaves_its_outputs_where_python_would_and_a_complete_record(project: Project):
    project.script("""
        import json, sys
        print("hello", sys.argv[1:])
        print("careful", file=sys.stderr)
        json.dump({"loss": 0.5}, open("metrics.json", "w"))
    """)
    done = project.snap("run", "--name", "first", "--env", "K=v", "train.py", "--lr", "0.1")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "hello ['--lr', '0.1']\n"
    assert "careful" in done.stderr
    assert json.loads((project.path / "metrics.json").read_text()) == {"loss": 0.5}
    record = project.record()
    assert record["schema"] == "snap.run/1"
    assert (record["status"], record["name"]) == ("finished", "first")
    assert record["command"] == {"argv": ["train.py", "--lr", "0.1"], "kind": "script", "directory": "."}
    assert record["exit"] == {"code": 0, "signal": None, "out_of_memory": False, "error": None}
    assert record["request"]["environment"] == {"K": "v"}
    (output,) = record["outputs"]
    assert (output["path"], output["size"], output["change"], output["kept_because"]) == (
        "metrics.json",
        13,
        "created",
        None,
    )
    assert output["sha256"].startswith("sha256:")
    assert record["platform"]["image"].startswith("sha256:")
    assert record["platform"]["base_layers"]
    assert record["host"]["machine"]["cpu_flags"]
    assert record["host"]["user"] == f"{os.getuid()}:{os.getgid()}"
    assert record["created"] <= record["started"] <= record["ended"]
    assert sorted(project.snap("logs").stdout.splitlines()) == ["careful", "hello ['--lr', '0.1']"]
    assert project.containers() == []
    assert project.volumes() == []


def test_edits_during_a_run_change_nothing_for_it(project: Project):
    go = project.path.parent / "gate"
    go.mkdir()
    project.write("part.py", "VALUE = 'old'")
    project.script(f"""
        import os, time
        open("ready", "w")
        while not os.path.exists({str(go / "open")!r}): time.sleep(0.02)
        import part
        open("value.txt", "w").write(part.VALUE)
    """)
    running = project.start("run", "--data", str(go), "train.py")
    wait_for(lambda: list(project.path.glob(".snap/runs/*/outputs/ready")))
    project.write("part.py", "VALUE = 'new'")
    (go / "open").touch()
    assert running.wait(30) == 0
    assert (project.path / "value.txt").read_text() == "old"
    assert (project.path / "part.py").read_text() == "VALUE = 'new'"


def test_a_file_that_the_user_changes_meanwhile_is_not_written_over(project: Project, gate: Gate):
    project.write("notes.txt", "mine")
    project.script(f"""
        import os, time
        open("notes.txt", "a").write(" and the run's")
        open("ready", "w")
        {gate.wait}
    """)
    running = project.start("run", *gate.options, "train.py")
    wait_for(lambda: list(project.path.glob(".snap/runs/*/outputs/ready")))
    project.write("notes.txt", "mine, edited")
    gate.open()
    _, stderr = running.communicate(timeout=30)
    assert (project.path / "notes.txt").read_text() == "mine, edited"
    assert "`notes.txt` stays with the run, not in the project: it was changed meanwhile" in stderr
    kept = project.path / ".snap/runs" / project.record()["id"] / "outputs/notes.txt"
    assert kept.read_text() == "mine and the run's"


def test_deleting_replacing_and_renaming_go_back_too(project: Project):
    project.write("old.txt", "x")
    project.write("folder/a.txt", "a")
    project.write("folder/b.txt", "b")
    project.script("""
        import os, shutil
        os.remove("old.txt")
        shutil.rmtree("folder"); os.mkdir("folder"); open("folder/c.txt", "w").write("c")
        os.makedirs("deep/er"); os.symlink("er", "deep/link"); os.chmod("deep/er", 0o750)
    """)
    assert project.snap("run", "train.py").returncode == 0
    assert project.files() == ["deep/link", "folder/c.txt", "train.py"]
    assert (project.path / "deep/er").stat().st_mode & 0o777 == 0o750
    assert project.record()["deleted"] == ["folder/a.txt", "folder/b.txt", "old.txt"]


def test_without_write_back_everything_stays_with_the_run(project: Project):
    project.script("open('out.txt', 'w').write('x')")
    assert project.snap("run", "--no-write-back", "train.py").returncode == 0
    assert project.files() == ["train.py"]
    assert project.record()["outputs"][0]["path"] == "out.txt"


def test_ignored_and_large_files_are_data_seen_in_place_and_never_copied(project: Project):
    project.write(".gitignore", "data/\n*.bin\n")
    project.write("data/images/a.txt", "a")
    project.write("weights.bin", "w")
    (project.path / "huge.npy").write_bytes(bytes(11_000_000))
    project.script("""
        import os
        assert open("data/images/a.txt").read() == "a" and open("weights.bin").read() == "w"
        assert os.path.getsize("huge.npy") == 11_000_000
        open("data/images/b.txt", "w").write("b")
        open("data/images/a.txt", "a").write("+")
        open("weights.bin", "w").write("new")
    """)
    done = project.snap("run", "train.py")
    assert done.returncode == 0, done.stderr
    assert {(d["path"], d["kind"], d["reason"]) for d in project.record()["data"]} == {
        ("data", "folder", "ignored"),
        ("weights.bin", "file", "ignored"),
        ("huge.npy", "file", "large"),
    }
    assert project.read("data/images/a.txt") == "a+"
    assert project.read("data/images/b.txt") == "b"
    assert project.read("weights.bin") == "new"
    assert {o["path"]: o["kept_because"] for o in project.record()["outputs"]} == dict.fromkeys(
        ["data/images/a.txt", "data/images/b.txt", "weights.bin"]
    )
    assert sum(p.stat().st_size for p in project.path.glob(".snap/code/*")) < 100_000


def test_a_file_that_git_tracks_is_code_though_a_pattern_fits_it(project: Project):
    project.write(".gitignore", "*.cfg\n")
    project.write("kept.cfg", "tracked")
    project.write("other.cfg", "ignored")
    for command in (["init", "-q"], ["add", "-f", "kept.cfg"]):
        subprocess.run(["git", *command], cwd=project.path, check=True)
    project.script("print(open('kept.cfg').read(), open('other.cfg').read())")
    assert project.snap("run", "train.py").stdout == "tracked ignored\n"
    assert [d["path"] for d in project.record()["data"]] == ["other.cfg"]


def test_data_can_not_be_harmed_without_write_back(project: Project):
    project.write(".gitignore", "data/\n*.bin\n")
    project.write("data/a.txt", "a")
    project.write("w.bin", "w")
    project.script("import shutil; shutil.rmtree('data', ignore_errors=True); open('w.bin', 'w').write('x')")
    project.snap("run", "--no-write-back", "train.py")
    assert (project.read("data/a.txt"), project.read("w.bin")) == ("a", "w")


def test_paths_outside_are_mounted_read_only_where_they_are(project: Project, tmp_path: Path):
    for name in ("given", "named", "beside"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.txt").write_text(name)
    project.script("""
        import sys
        for path in sys.argv[1:]:
            path = path.split("=")[-1]
            print(open(path + "/x.txt").read())
            try: open(path + "/new", "w")
            except OSError as e: print(e.strerror)
    """)
    done = project.snap(
        "run",
        "--data",
        str(tmp_path / "given"),
        "train.py",
        str(tmp_path / "given"),
        f"--d={tmp_path}/named",
        "../beside",
    )
    assert done.stdout.splitlines() == [
        w for n in ("given", "named", "beside") for w in (n, "Read-only file system")
    ], done.stderr


def test_the_project_by_its_absolute_path_is_the_same_workspace(project: Project):
    project.write("in/x.txt", "x")
    project.script("""
        import sys
        print(open(sys.argv[1] + "/in/x.txt").read()); open(sys.argv[1] + "/y.txt", "w").write("y")
        print(open("y.txt").read())
    """)
    done = project.snap("run", "train.py", str(project.path))
    assert done.stdout == "x\ny\n", done.stderr
    assert project.read("y.txt") == "y"


@pytest.mark.parametrize("name", ["with space", "mit Ümläut 模型", 'comma, colon: quote" back\\slash'])
def test_any_project_path(tmp_path: Path, engine: dict[str, str], name: str):
    project = Project(tmp_path / name, engine)
    project.write(".gitignore", "data/\n*.bin\n")
    project.write("data/a.txt", "a")
    project.write("b.bin", "b")
    project.script("print(open('data/a.txt').read(), open('b.bin').read()); open('out put é.txt', 'w').write('x')")
    done = project.snap("run", "train.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "a b\n"
    assert project.read("out put é.txt") == "x"


def test_links_sockets_fifos_and_names_that_are_not_utf8(project: Project, tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/x.txt").write_text("far")
    project.write("real.txt", "near")
    for link, target in (
        ("inside", "real.txt"),
        ("dangling", "nowhere"),
        ("outward", tmp_path / "elsewhere"),
        ("up", "../elsewhere"),
    ):
        (project.path / link).symlink_to(target)
    os.mkfifo(project.path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(project.path / "sock"))
    (project.path / os.fsdecode(b"caf\xe9.txt")).write_text("latin")
    project.script("""
        import os
        print(open("inside").read(), os.path.islink("dangling"), open("outward/x.txt").read(), open("up/x.txt").read())
        print(open(os.fsdecode(b"caf\\xe9.txt")).read(), os.path.exists("fifo"), os.path.exists("sock"))
        open(os.fsdecode(b"out\\xff.txt"), "w").write("x")
    """)
    done = project.snap("run", "train.py")
    assert done.stdout == "near True far far\nlatin False False\n", done.stderr
    assert "`fifo` is not in the snapshot: a fifo" in done.stderr
    assert "`sock` is not in the snapshot: a socket" in done.stderr
    assert (project.path / os.fsdecode(b"out\xff.txt")).read_text() == "x"
    assert project.snap("show").returncode == 0


def test_modules_commands_subfolders_and_other_scripts(project: Project):
    project.write("pkg/__init__.py", "")
    project.write("pkg/job.py", "import sys; print('module', sys.argv[1:])")
    project.write("sub/deep.py", "import os; print(os.getcwd()); open('here.txt', 'w')")
    project.write("run.sh", "#!/bin/sh\necho shell $1\n")
    (project.path / "run.sh").chmod(0o755)
    project.script("print(1)")
    assert project.snap("run", "-m", "pkg.job", "-x").stdout == "module ['-x']\n"
    assert project.snap("run", "--", "sh", "-c", "echo any $0").stdout == "any sh\n"
    assert project.snap("run", "run.sh", "s").stdout == "shell s\n"
    assert project.snap("run", "train.py", "--", "-x").returncode == 0
    assert project.record()["command"]["argv"] == ["train.py", "--", "-x"]
    assert project.snap("run", "deep.py", cwd="sub").stdout == "/workspace/sub\n"
    assert (project.path / "sub/here.txt").exists()
    assert project.snap("show", "latest~2", "--json").returncode == 0


def test_offline_means_no_network_at_all(project: Project):
    project.script("""
        import socket
        try: socket.create_connection(("192.0.2.1", 80), timeout=2)
        except OSError as e: print(e.errno)
    """)
    stale = project.snap("run", "--offline", "train.py")
    assert (stale.returncode, stale.stdout) == (125, "")
    assert "offline, and snap.lock must be made first" in stale.stderr
    assert project.snap("build").returncode == 0
    assert project.snap("run", "--offline", "train.py").stdout == "101\n"
    assert project.record()["request"]["network"] == "none"


def test_the_training_s_own_exit_code_and_signal_pass_through(project: Project):
    project.script("import sys; sys.exit(7)")
    assert project.snap("run", "train.py").returncode == 7
    project.script("import os, signal; os.kill(os.getpid(), signal.SIGTERM)")
    assert project.snap("run", "train.py").returncode == 143
    assert project.record()["exit"]["signal"] == "SIGTERM"


def test_ctrl_c_reaches_the_training_once_and_its_outputs_are_kept(project: Project):
    project.script("""
        import time
        open("ready", "w")
        try: time.sleep(60)
        except KeyboardInterrupt:
            open("checkpoint.txt", "w").write("saved"); print("stopping"); time.sleep(0.5)
            raise SystemExit(3)
    """)
    running = project.start("run", "train.py")
    wait_for(lambda: list(project.path.glob(".snap/runs/*/outputs/ready")))
    running.send_signal(signal.SIGINT)
    stdout, _ = running.communicate(timeout=30)
    assert (running.returncode, stdout) == (3, "stopping\n")
    assert project.read("checkpoint.txt") == "saved"


def test_a_second_ctrl_c_ends_a_training_that_does_not_listen(project: Project):
    project.script("""
        import signal, time
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        open("ready", "w")
        time.sleep(60)
    """)
    running = project.start("run", "train.py")
    wait_for(lambda: list(project.path.glob(".snap/runs/*/outputs/ready")))
    running.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert running.poll() is None
    running.send_signal(signal.SIGINT)
    assert running.wait(30) == 137
    assert project.record()["exit"]["signal"] == "SIGKILL"
    assert project.record()["status"] == "finished"


def test_out_of_memory_is_told_from_other_deaths(project: Project):
    project.script("""
        open("before.txt", "w").write("x")
        blocks = []
        while True: blocks.append(bytearray(16 << 20))
    """)
    done = project.snap("run", "--memory", "96m", "train.py")
    assert done.returncode == 137
    assert "out of memory" in done.stderr
    assert project.record()["exit"]["out_of_memory"] is True
    assert project.read("before.txt") == "x"


def test_ten_thousand_small_files(project: Project):
    project.script("""
        import os
        os.mkdir("many")
        for i in range(10_000): open(f"many/{i}.txt", "w").write(str(i))
    """)
    assert project.snap("run", "train.py").returncode == 0
    assert len(project.record()["outputs"]) == 10_000
    assert project.read("many/9999.txt") == "9999"


def test_two_runs_at_the_same_moment_both_work(project: Project):
    project.script("""
        import sys, time
        time.sleep(0.5)
        open(f"out-{sys.argv[1]}.txt", "w").write(sys.argv[1])
        open("same.txt", "w").write(sys.argv[1])
    """)
    both = [project.start("run", "train.py", name) for name in "ab"]
    assert [run.wait(60) for run in both] == [0, 0]
    assert (project.read("out-a.txt"), project.read("out-b.txt")) == ("a", "b")
    assert project.read("same.txt") in "ab"
    records = json.loads(project.snap("ls", "--json").stdout)
    assert len(records) == 2
    # Neither lost what it wrote, and the later one left its file, as plain python would have.
    assert [o["kept_because"] for r in records for o in r["outputs"]] == [None] * 4


def test_the_caller_owns_what_comes_out_also_when_she_is_not_root(project: Project):
    if os.getuid() != 0:
        pytest.skip("needs root to become somebody else")
    project.write(".gitignore", "data/\n")
    project.write("data/a.txt", "a")
    project.script("""
        import os, getpass, shutil
        print(os.getuid(), getpass.getuser()); open("o.txt", "w"); open("data/b.txt", "w")
        open("secret", "w").write("s"); os.chmod("secret", 0)
        os.makedirs("locked/deep"); open("locked/deep/x", "w"); os.chmod("locked/deep", 0o500); os.chmod("locked", 0)
        shutil.rmtree("gone")
        open(os.path.expanduser("~/cache"), "w")
    """)
    project.write("gone/x.txt", "x")
    subprocess.run(["chown", "-R", "1234:1234", project.path], check=True)
    with open_to(1234, project.env, project.path.parent / "home") as hers:
        done = project.snap("run", "train.py", become=1234, env=hers)
        listing = project.snap("ls", become=1234, env=hers)
        assert done.returncode == 0, done.stderr
        assert done.stdout == "1234 snap\n"
        assert (project.path / "o.txt").stat().st_uid == 1234
        assert (project.path / "data/b.txt").stat().st_uid == 1234
        assert not (project.path / "gone").exists()
        assert [p for p in project.path.rglob("*") if p.stat(follow_symlinks=False).st_uid != 1234] == []
        assert list(project.path.glob(".snap/runs/*/overlay")) == []
        # What its owner can't read is kept and put back all the same, and can be removed.
        assert listing.returncode == 0, listing.stderr
        assert {(project.path / name).stat().st_mode & 0o777 for name in ("secret", "locked")} == {0}
        assert (project.path / "locked/deep").stat().st_mode & 0o777 == 0o500
        (kept,) = project.path.glob(".snap/runs/*/outputs/secret")
        assert kept.read_text() == "s"
        assert project.snap("rm", "latest", become=1234, env=hers).returncode == 0
        assert list((project.path / ".snap/runs").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said", "hint"),
    [
        (["trian.py"], "there is no script `trian.py`", "did you mean `train.py`?"),
        (["--data", "/no/where", "train.py"], "the data path `/no/where` does not exist", "check the path"),
        (["--env", "NOPE_NOT_SET", "train.py"], "gives no value", "--env NOPE_NOT_SET=VALUE"),
        (["--gpus", "all", "train.py"], "NVIDIA", "nvidia"),
        (["--gpus", "train.py"], "`--gpus` does not take `train.py`", "write `all`"),
        (["--memory", "lots", "train.py"], "lots", ""),
        (["--bogus", "train.py"], "no such option", "snap run --help"),
        ([], "nothing to run", "snap run train.py"),
        (["--offline", "--network", "host", "train.py"], "contradict", "one of them"),
    ],
)
def test_what_is_wrong_before_the_training_is_125_and_leaves_nothing(
    project: Project, arguments: list[str], said: str, hint: str
):
    project.script("print('never')")
    done = project.snap("run", *arguments)
    assert done.returncode == 125
    error = next(line for line in done.stderr.splitlines() if line.startswith("error: "))
    assert said.lower() in error.lower()
    assert hint.lower() in done.stderr.lower()
    assert done.stdout == ""
    assert project.snap("ls", "--json").stdout == "[]\n"
    assert list(project.path.glob(".snap/runs/*")) + list(project.path.glob(".snap/active/*")) == []
    assert project.containers() + project.volumes() == []


def test_no_engine(project: Project):
    project.script("print('never')")
    project.env = {**project.env, "DOCKER_HOST": "unix:///no/such.sock"}
    done = project.snap("run", "train.py")
    assert done.returncode == 125
    assert "error: no Docker engine answers at unix:///no/such.sock" in done.stderr
    assert "hint: start Docker" in done.stderr


def test_a_project_on_a_read_only_file_system(project: Project):
    if os.getuid() != 0:
        pytest.skip("needs root to mount")
    project.script("print('never')")
    subprocess.run(["mount", "--bind", project.path, project.path], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", project.path], check=True)
        done = project.snap("run", "train.py")
    finally:
        subprocess.run(["umount", project.path], check=True)
    assert done.returncode == 125
    assert "read-only file system" in done.stderr
    assert "hint: copy the project" in done.stderr


def test_the_reading_commands(project: Project):
    project.script("import sys; print('out', sys.argv[1])")
    for word in ("one", "two"):
        project.snap("run", "--name", word, "train.py", word)
    listing = project.snap("ls").stdout
    assert [line.split()[1] for line in listing.splitlines()[1:]] == ["two", "one"]
    assert "train.py two" in listing
    page = project.snap("show", "one").stdout
    assert "command   train.py one" in page.replace("     ", "   ") or "train.py one" in page
    assert project.snap("logs", "latest~1").stdout == "out one\n"
    assert project.snap("show", "nothing").returncode == 2
    assert project.snap("rm", "one").returncode == 0
    assert len(json.loads(project.snap("ls", "--json").stdout)) == 1
    assert project.snap("rm", "one").returncode == 2


def test_logs_follow_a_run_that_goes_on_and_rm_wants_force(project: Project, gate: Gate):
    project.script(f"""
        import os, time
        print("begin", flush=True); open("ready", "w")
        {gate.wait}
        print("end")
    """)
    running = project.start("run", *gate.options, "train.py")
    wait_for(lambda: list(project.path.glob(".snap/runs/*/outputs/ready")))
    assert project.snap("logs").stdout == "begin\n"
    assert json.loads(project.snap("ls", "--json").stdout)[0]["status"] == "running"
    refused = project.snap("rm", "latest")
    assert refused.returncode == 2
    assert "is not finished" in refused.stderr
    following = project.start("logs", "-f")
    assert following.stdout and following.stdout.readline() == "begin\n"
    gate.open()
    assert following.communicate(timeout=30)[0] == "end\n"
    assert running.wait(30) == 0


def test_rm_force_ends_a_run(project: Project):
    project.script("import time; open('ready', 'w'); time.sleep(60)")
    running = project.start("run", "train.py")
    wait_for(lambda: list(project.path.glob(".snap/runs/*/outputs/ready")))
    assert project.snap("rm", "--force", "latest").returncode == 0
    assert running.wait(30) == 137
    assert project.containers() == []
    assert project.snap("ls", "--json").stdout == "[]\n"


def test_hostile_output_and_names_do_not_reach_the_terminal(project: Project):
    project.script(
        textwrap.dedent("""
        open("a\\x1b[31mred", "w").write("x")
    """)
    )
    done = project.snap("run", "--name", "n\x1b[2J", "train.py")
    assert "\x1b" not in done.stderr
    assert "\x1b" not in project.snap("ls").stdout + project.snap("show").stdout
