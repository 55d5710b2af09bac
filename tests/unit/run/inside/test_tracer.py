"""What the tracer notes, and that no program can tell that it is there; real Pythons run it."""

from __future__ import annotations

import os
import signal

import pytest

from tests.unit.run.inside.conftest import Inside


def test_what_is_opened_to_be_read_is_noted_once(inside: Inside):
    (inside.workspace / "data.csv").write_text("1")
    (inside.elsewhere / "x").write_text("1")
    inside.run(f"""
        import os, pathlib
        for _ in range(3):
            open("data.csv").close()
        open(b"data.csv", "rb").close()
        pathlib.Path(os.curdir, "..", "workspace", "data.csv").read_text()
        os.close(os.open("data.csv", os.O_RDONLY))
        open("data.csv", "r+").close()
        open("data.csv", "a+").close()
        with open({str(inside.elsewhere / "x")!r}) as file:
            open(file.fileno(), closefd=False)
    """)  # fmt: skip
    assert inside.noted() == ["W/data.csv", "E/x"]


def test_programs_that_are_started_are_noted(inside: Inside):
    inside.run("""
        import os, subprocess, sys
        for _ in range(2):
            subprocess.run(["true"], check=True)
        subprocess.run(b"true", shell=True, check=True)
        subprocess.run([sys.executable, "-c", ""], check=True)
        os.system("true")
        os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
        os.execv("/bin/echo", ["echo"])
    """)
    assert sorted(inside.noted()) == ["x/bin/echo", "x/bin/sh", "x/bin/true", "xsh", "xtrue"]


def test_what_is_only_written_is_not(inside: Inside):
    (inside.workspace / "old").write_text("1")
    inside.run("""
        import os
        for mode in ("w", "w+", "a", "x", "x+"):
            open("new-" + mode, mode).close()
        open("old", "w+").close()
        os.close(os.open("new", os.O_WRONLY | os.O_CREAT))
    """)
    assert inside.noted() == []


def test_modules_of_the_project_and_packages_of_the_image_are_told_apart(inside: Inside):
    (inside.workspace / "model.py").write_text("import json, wave")
    site = next(inside.python.parents[1].glob("lib/python*")) / "site-packages"
    (site / "single.py").write_text("")
    (site / "package").mkdir(exist_ok=True)
    (site / "package" / "__init__.py").write_text("from package import part")
    (site / "package" / "part.py").write_text("")
    inside.run("import model, single, package")
    noted = inside.noted()
    assert [entry for entry in noted if entry[0] == "W"] == ["W/model.py"]
    assert {"mpackage", "msingle.py"} <= set(noted)
    assert not any("part" in entry or "wave" in entry for entry in noted)


def test_a_script_below_a_folder_and_a_module_are_noted(inside: Inside):
    (inside.workspace / "tools").mkdir()
    (inside.workspace / "tools" / "step.py").write_text("")
    inside.run("import subprocess, sys; [subprocess.run([sys.executable, *how], check=True) "
               "for how in (['tools/step.py'], ['-m', 'tools.step'])]")  # fmt: skip
    assert set(inside.noted()) == {"W/tools/step.py"}


def test_what_is_missing_is_noted_unless_it_is_made(inside: Inside):
    missing = str(inside.elsewhere / "nothing")
    inside.run(f"""
        import os
        for _ in range(2):
            try: open({missing!r} + "/x.npy")
            except OSError: pass
        for look in (os.listdir, os.scandir):
            try: look({missing!r})
            except OSError: pass
        try: open("not-in-the-workspace-either")
        except OSError: pass
        open({missing!r} + ".log", "a+").close()
        os.listdir({str(inside.elsewhere)!r})
    """)  # fmt: skip
    assert inside.noted() == ["?E/nothing/x.npy", "?E/nothing", "W/not-in-the-workspace-either"]


def test_what_was_missing_and_is_there_later_is_noted_again(inside: Inside):
    path = str(inside.elsewhere / "late")
    inside.run(f"""
        try: open({path!r})
        except OSError: pass
        open({path!r}, "w").close()
        open({path!r}).close()
    """)  # fmt: skip
    assert inside.noted() == ["?E/late", "E/late"]


def test_relative_names_mean_where_the_process_is(inside: Inside):
    for folder in ("a", "b"):
        (inside.workspace / folder).mkdir()
        (inside.workspace / folder / "x").write_text("")
    inside.run("""
        import os
        os.chdir("a"); open("x").close()
        os.chdir("../b"); open("x").close()
    """)  # fmt: skip
    assert inside.noted() == ["W/a/x", "W/b/x"]


def test_names_of_any_bytes_are_kept(inside: Inside):
    names = [b"caf\xe9", "日本".encode(), b"new\nline", b" .hidden"]
    for name in names:
        (inside.workspace / os.fsdecode(name)).write_text("")
    inside.run(f"for name in {names!r}: open(name).close()")
    assert [os.fsencode(entry) for entry in inside.noted()] == [b"W/" + name for name in names]


def test_databases_are_noted(inside: Inside):
    inside.run("import sqlite3; sqlite3.connect('runs.sqlite').close(); sqlite3.connect(':memory:').close()")
    assert "W/runs.sqlite" in inside.noted()


STARTS = {
    "subprocess": "subprocess.run([sys.executable, 'child.py'], check=True)",
    "exec": "os.execv(sys.executable, [sys.executable, 'child.py'])",
    "fork": "if os.fork() == 0: child.read(); os._exit(0)\n    os.wait()",
    "threads": "threading.Thread(target=time.sleep, args=(0.1,)).start()\n"
    "    if os.fork() == 0: child.read(); os._exit(0)\n    os.wait()",
    "executor": "with ProcessPoolExecutor(2) as pool: pool.submit(child.read).result()",
    **{
        f"multiprocessing-{how}": f"p = multiprocessing.get_context({how!r}).Process(target=child.read)\n"
        "    p.start(); p.join(); assert p.exitcode == 0"
        for how in ("fork", "spawn", "forkserver")
    },
}


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_children_are_traced(inside: Inside, start: str):
    (inside.workspace / "data").write_text("")
    (inside.workspace / "child.py").write_text(
        "def read():\n    open('data').close()\nif __name__ == '__main__':\n    read()\n"
    )
    inside.run(
        "import child, multiprocessing, os, subprocess, sys, threading, time\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        f"if __name__ == '__main__':\n    {start}\n"
    )
    assert {"W/data", "W/child.py"} == {entry for entry in inside.noted() if entry.startswith("W")}
    assert inside.noted().count("W/data") == 1
    assert len(list(inside.notes.iterdir())) + sum(entry[0] == "p" for entry in inside.noted()) >= 2


def test_what_kills_the_process_loses_nothing(inside: Inside):
    (inside.workspace / "data").write_text("")
    inside.run("import os; open('data').close(); os.kill(os.getpid(), 9)", code=-signal.SIGKILL)
    assert inside.noted() == ["W/data"]


def test_a_program_that_closes_all_descriptors_is_traced_on_and_its_files_are_its_own(inside: Inside):
    (inside.workspace / "a").write_text("")
    (inside.workspace / "b").write_text("")
    inside.run("""
        import os
        open("a").close()
        os.closerange(3, 100)
        mine = [os.open("mine", os.O_RDWR | os.O_CREAT) for _ in range(20)]
        open("b").close()
        assert os.fstat(mine[0]).st_size == 0
    """)
    assert (inside.workspace / "mine").read_bytes() == b""
    assert inside.noted().count("W/a") == 1
    assert "W/b" in inside.noted()


def test_it_is_there_in_isolated_mode_and_not_without_site(inside: Inside):
    (inside.workspace / "data").write_text("")
    for options, seen in ((("-I",), True), (("-E", "-s"), True), (("-S",), False)):
        for file in inside.notes.iterdir():
            file.unlink()
        inside.run("open('data').close()", *options)
        assert (inside.noted() == ["W/data"]) is seen, options


@pytest.mark.parametrize("options", [(), ("-X", "dev", "-W", "error"), ("-X", "utf8=0"), ("-O",)])
def test_nothing_is_said_and_nothing_is_imported(inside: Inside, options: tuple[str, ...]):
    program = "import sys; print(sorted(sys.modules))"
    with_tracer = inside.run(program, *options)
    inside.place.rename(inside.place.with_name("away"))
    without = inside.run(program, *options)
    assert with_tracer.stdout == without.stdout
    assert (with_tracer.stderr, without.stderr) == ("", "")


def test_a_folder_that_can_not_be_written_stops_nobody(inside: Inside):
    inside.notes.rmdir()
    inside.notes.symlink_to("/proc/self")  # where not even root makes files
    done = inside.run("print(open('train.py').read(5))")
    assert (done.stdout, done.stderr) == ("print\n", "")


def test_a_tracer_that_is_gone_or_broken_stops_nobody(inside: Inside):
    file = inside.library / "run" / "inside" / "tracer.py"
    for text in ("raise ValueError", "(", None):
        file.write_text(text) if text else file.unlink()
        done = inside.run("print('ran')")
        assert (done.stdout, done.stderr) == ("ran\n", "")


def test_a_folder_that_vanishes_meanwhile_stops_nobody(inside: Inside):
    (inside.workspace / "data").write_text("")
    done = inside.run(f"""
        import os, shutil
        shutil.rmtree({str(inside.notes)!r})
        open("data").close()
        if os.fork() == 0:
            open("other", "a+").close()
            print("child", flush=True)
            os._exit(0)
        os.wait()
    """)
    assert (done.stdout, done.stderr) == ("child\n", "")


def test_errors_of_the_program_look_as_ever(inside: Inside):
    program = """
        import os
        for wrong in ("missing", 3.5, None, "a\\0b", b"a\\0b", 10**6, "", []):
            for function in (open, os.open):
                try: function(wrong, 0) if function is os.open else function(wrong)
                except Exception as problem: print(type(problem), problem)
        class Odd:
            def __fspath__(self): raise LookupError("mine")
        for function in (open, lambda path: os.open(path, 0), os.listdir):
            try: function(Odd())
            except Exception as problem: print(type(problem), problem)
        open("missing")
    """  # fmt: skip
    with_tracer = inside.run(program, code=1)
    inside.notes.rename(inside.notes.with_name("away"))
    without = inside.run(program, code=1)
    assert with_tracer.stdout == without.stdout
    assert with_tracer.stderr == without.stderr


def test_what_a_signal_handler_raises_reaches_the_program(inside: Inside):
    inside.run("""
        import os, signal
        class Alarm(Exception): pass
        def ring(*unused): raise Alarm
        def work(round):
            for number in range(100_000):
                try: open(f"/proc/self/../../x{round}-{number}")
                except FileNotFoundError: pass
            raise SystemExit("the alarm was lost")
        signal.signal(signal.SIGALRM, ring)
        for round in range(200):
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.0005)
                work(round)
            except Alarm: pass
    """)


def test_hooks_of_the_program_may_see_and_forbid_what_they_like(inside: Inside):
    done = inside.run("""
        import os, sys
        def forbid(event, args):
            if event == "open" and args[2] & os.O_WRONLY: raise PermissionError("no writing")
        sys.addaudithook(forbid)
        if os.fork() == 0:
            print(len(open("train.py").read()) > 0, flush=True)
            try: open("new", "w")
            except PermissionError as problem: print(problem, flush=True)
            os._exit(0)
        os.wait()
    """)
    assert (done.stdout, done.stderr) == ("True\nno writing\n", "")


def test_events_of_the_program_itself_do_no_harm(inside: Inside):
    done = inside.run("""
        import sys
        for args in ((), (1,), ("a",), ("a", "r", None), (object(), "r", 0), ("x\\0y", "r", 0), ("\\ud800", "r", 0)):
            for event in ("open", "import", "os.listdir", "ctypes.dlopen", "os.chdir"):
                sys.audit(event, *args)
        print("ran")
    """)
    assert (done.stdout, done.stderr) == ("ran\n", "")


def test_names_are_bounded_and_that_is_told(inside: Inside):
    inside.limit(2000)
    inside.run("""
        for number in range(1000):
            open(f"f{number}", "w").close()
            open(f"f{number}").close()
    """)
    noted = inside.noted()
    assert noted[-1] == "!"
    assert noted[:-1] == [f"W/f{number}" for number in range(len(noted) - 1)]
    (file,) = inside.notes.iterdir()
    assert 1900 < file.stat().st_size < 2200


def test_workers_that_are_forked_again_and_again_note_nothing_again(inside: Inside):
    inside.run("""
        import os
        for number in range(100):
            open(f"f{number}", "w").close()
        for epoch in range(5):
            if os.fork() == 0:
                for number in range(100):
                    open(f"f{number}").close()
                os._exit(0)
            os.wait()
    """)
    noted = inside.noted()
    assert sorted(e for e in noted if e[0] == "W") == sorted(f"W/f{number}" for number in range(100))
    assert len({e for e in noted if e[0] == "p"}) == 5


def test_the_programs_own_module_called_snapshot_wins(inside: Inside):
    (inside.workspace / "snapshot.py").write_text("mine = True")
    assert inside.run("import snapshot; print(snapshot.mine)").stdout == "True\n"
