"""`snap ui` in a real browser, beside a training that goes on."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import pytest

from tests.browser import Tab
from tests.integration.scenario import Project, wait_for

NASTY = "<img src=x onerror=document.title='broken'>"
TRAIN = """
    import json, os, sys, time
    for step in range(5):
        with open("m.jsonl", "a") as file:
            file.write(json.dumps({"step": step, %r: 1 / (step + 1)}) + "\\n")
        print(f"step {step} %s \\x1b[31mred\\x1b]0;title", flush=True)
        if step > 1:
            print(*["x" * 49] * 1000, sep="\\n", flush=True)
        while not os.path.exists(f"%s/{step}"):
            time.sleep(0.02)
    sys.exit(3)
"""


class Ui:
    """A `snap ui` that runs."""

    def __init__(self, project: Project, *options: str) -> None:
        self.process = project.start("ui", *options)
        assert self.process.stdout
        self.address = self.process.stdout.readline().strip()
        assert self.address.startswith("http://127.0.0.1:"), self.process.communicate()
        self.port = urlsplit(self.address).port or 0

    def at(self, path: str) -> str:
        """The address of a page."""
        return f"http://127.0.0.1:{self.port}{path}"

    def end(self) -> tuple[str, str]:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


@pytest.fixture
def project(tmp_path: Path, engine) -> Project:
    return Project(tmp_path / "project", engine)


@pytest.fixture
def ui(project: Project) -> Iterator[Ui]:
    with Ui(project, "--port", str(free_port())) as ui:
        yield ui


@pytest.fixture
def page(tab: Tab) -> Tab:
    """A page of the browser that is online."""
    return tab.another()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def broken(tab: Tab) -> list[object]:
    """What the console complains of."""
    said = ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
    return [event["params"] for event in tab.events if event["method"] in said]


@pytest.fixture
def steps(tmp_path: Path) -> Path:
    """A folder; the file `0` in it lets the training go on from its step 0."""
    (tmp_path / "steps").mkdir()
    return tmp_path / "steps"


@pytest.fixture
def training(project: Project, steps: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A run that waits at each of its steps."""
    project.script(TRAIN % (NASTY, NASTY.replace("'", '"').replace('"', "_"), steps))
    assert project.snap("build").returncode == 0
    command = project.command("run", "--name", NASTY[:60], "--data", str(steps), "train.py")
    nowhere = subprocess.DEVNULL  # a pipe that nobody reads from would hold it up
    run = subprocess.Popen(command, cwd=project.path, env=project.env, stdout=nowhere, stderr=nowhere, stdin=nowhere)
    yield run
    for step in range(5):
        (steps / str(step)).touch()
    run.wait(timeout=60)


def test_a_training_is_followed_until_it_ends(ui: Ui, page: Tab, training, steps: Path) -> None:
    page.visit(ui.address)
    page.shown("location.search + location.pathname", "/")
    # The run comes, and is on top, without that anybody asks.
    page.shown("document.querySelector('#table tbody tr')?.cells[3].textContent", "running")
    page.value("document.querySelector('#table tbody a').click()")
    page.shown("document.querySelector('h1 .state')?.textContent", "running")
    log = "document.querySelector('#log pre')?.textContent"
    page.shown(f"{log}?.includes('step 0 <img')")
    other = page.another()
    other.visit(page.value("location.href"))
    for step in range(3):
        (steps / str(step)).touch()
        for tab in (page, other):
            tab.shown(f"{log}?.includes('step {step + 1} ')")
            points = "document.querySelectorAll('#metrics .chart .values tbody tr').length"
            tab.shown(points, step + 2)
    tile = "document.querySelector('.tiles .value').textContent"
    assert page.value(tile) == "0.25"
    shown = f"[{log}.includes('step 2'), {log}.includes('step 3'), {log}.endsWith('x\\n'), {log}.length < 65000]"
    page.shown(shown, [False, True, True, True])  # of 100 kB the end
    assert page.value(f"{log}.includes('red\\\\x1b]0;title')")
    for step in (3, 4):
        (steps / str(step)).touch()
    for tab in (page, other):
        tab.shown("document.querySelector('h1 .state').textContent", "exit 3")
        tab.shown("document.querySelector('#outputs td:last-child').textContent.length", len("sha256:") + 64)
        tab.shown(f"{log}.includes('step 4 ')")
        assert tab.value("document.querySelectorAll('img').length") == 0
        assert tab.value("document.title").startswith("<img")
        assert broken(tab) == []


def test_what_a_reader_does_stays_when_the_page_changes(ui: Ui, page: Tab, training, steps: Path) -> None:
    page.visit(ui.address)
    page.shown("document.querySelectorAll('#table tbody a').length", 1)
    page.value("document.querySelector('#table tbody a').click()")
    page.shown("document.querySelector('.tiles .value')?.textContent", "1")
    page.value("document.querySelector('#say input').focus()")
    page.value("document.querySelector('#say input').value = 'bes'")
    page.value("document.querySelector('#code details').open = true")
    (steps / "0").touch()
    page.shown("document.querySelector('.tiles .value').textContent", "0.5")
    assert page.value("document.activeElement.value") == "bes"
    page.value("document.querySelector('#metrics svg').focus()")
    page.press("End")
    reading = "document.querySelector('#metrics output').textContent"
    assert page.value(reading).startswith("1: ")
    (steps / "1").touch()
    page.shown("document.querySelector('.tiles .value').textContent", "0.3333")
    assert page.value(reading).startswith("1: "), "what is being read does not go away"
    page.value("document.activeElement.blur()")
    page.shown("document.querySelectorAll('#metrics .values tbody tr').length", 3)
    assert page.value("document.querySelector('#code details').open")


def test_an_engine_that_does_not_answer_is_told(project: Project, page: Tab, training) -> None:
    wait_for(project.containers)
    project.env["DOCKER_HOST"] = "unix:///nowhere.sock"
    with Ui(project) as ui:
        page.visit(ui.address)
        page.shown("document.querySelectorAll('#table tbody a').length", 1)
        page.value("document.querySelector('#table tbody a').click()")
        page.shown("document.querySelector('#log pre')?.textContent.startsWith('no Docker engine answers')")
        page.shown("document.querySelector('.tiles .value')?.textContent", "1")


def test_tags_and_notes_are_given_on_the_page(project: Project, ui: Ui, page: Tab) -> None:
    project.script("print('hello')")
    assert project.snap("run", "--name", "first", "train.py").returncode == 0
    page.visit(ui.address)
    page.shown("document.querySelectorAll('#table tbody a').length", 1)
    page.visit(ui.at("/runs/first"))
    page.value("document.querySelector('[name=tag]').value = 'best'; "
               "document.querySelector('[name=tag]').form.requestSubmit()")  # fmt: skip
    page.shown("document.querySelector('.tag')?.firstChild.textContent", "best")
    page.value("document.querySelector('[name=text]').value = '<b>good</b>'; "
               "document.querySelector('[name=text]').form.requestSubmit()")  # fmt: skip
    page.shown("document.querySelector('#notes dd')?.textContent", "<b>good</b>")
    assert "best" in project.snap("ls").stdout
    # Said elsewhere, seen here.
    assert project.snap("tag", "best", "better").returncode == 0
    page.shown("[...document.querySelectorAll('.tag')].map(tag => tag.firstChild.textContent)", ["best", "better"])
    page.value("document.querySelector('.tag button').click()")
    page.shown("[...document.querySelectorAll('.tag')].map(tag => tag.firstChild.textContent)", ["better"])
    assert broken(page) == []


def test_two_are_chosen_and_compared_and_one_is_removed(project: Project, ui: Ui, page: Tab) -> None:
    for number in range(3):
        project.script(f"import json; json.dump({{'loss': {number}}}, open('m.json', 'w'))")
        assert project.snap("run", "--name", f"run{number}", "train.py").returncode == 0
    page.visit(ui.address)
    page.shown("document.querySelectorAll('#table tbody tr').length", 3)
    assert page.value("document.getElementById('compare').disabled")
    page.value("[...document.querySelectorAll('#table input')].slice(0, 2).forEach(box => box.click())")
    page.value("document.getElementById('compare').click()")
    page.shown(
        "[...document.querySelectorAll('h1')].map(one => one.firstChild.textContent.trim())", ["A: run1", "B: run2"]
    )
    assert page.value("document.getElementById('results').textContent.includes('loss')")
    listed = page.another()
    listed.visit(ui.at("/"))
    listed.value("[...document.querySelectorAll('th button')].find(head => head.textContent === 'Name').click()")
    listed.value("document.querySelector('#table tbody input').click()")
    listed.value("document.querySelector('#table tbody a').focus()")
    one = page.another()
    one.visit(ui.at("/runs/run1"))
    assert project.snap("rm", "run1").returncode == 0
    listed.shown("document.querySelectorAll('#table tbody tr').length", 2)
    first = "document.querySelector('#table tbody tr')"
    assert listed.value(f"{first}.cells[1].textContent") == "run0", "it stays sorted"
    assert listed.value(f"{first}.querySelector('input').checked && {first}.contains(document.activeElement)")
    for tab in (page, one):
        tab.shown("document.getElementById('connection').textContent", "This run was removed.")
    assert one.value("document.querySelector('h1').textContent").startswith("run1"), "what was seen is still there"
    assert broken(one) == []


def test_pages_of_others_get_and_do_nothing(project: Project, ui: Ui, page: Tab, tmp_path: Path) -> None:
    project.script("print('hello')")
    assert project.snap("run", "--name", "first", "train.py").returncode == 0

    def answer(method: str, path: str, **headers: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", ui.port, timeout=30)
        connection.request(method, path, headers=headers)
        return connection.getresponse().status

    token = ui.address.partition("token=")[2]
    cookie = f"snap-ui-{ui.port}={token}"
    assert answer("GET", "/runs/first") == answer("GET", "/?token=wrong") == 403
    assert answer("GET", "/", Cookie=cookie) == 200
    assert answer("GET", "/", Cookie=cookie, Host="evil.example") == 403
    assert answer("POST", "/runs/first/tag", Cookie=cookie, Origin="http://evil.example") == 403
    # Another site's form, in the browser of somebody who has the cookie.
    page.visit(ui.address)
    page.shown("document.querySelectorAll('#table tbody tr').length", 1)
    form = tmp_path / "evil.html"
    form.write_text(f"<form method=post action='{ui.at('/runs/first/tag')}'><input name=tag value=evil></form>"
                    "<script>onload = () => setTimeout(() => document.forms[0].submit())</script>")  # fmt: skip
    page.visit(form.as_uri())
    page.shown("document.body.textContent.includes('did not come from a page of this server')")
    assert "evil" not in project.snap("ls").stdout
    # A link to it from anywhere is what the token is for.
    link = tmp_path / "link.html"
    link.write_text(f"<a href='{ui.address}'>here</a>")
    page.visit(link.as_uri())
    page.value("document.querySelector('a').click()")
    page.shown("document.querySelectorAll('#table tbody tr').length", 1)


def test_it_ends_with_ctrl_c_and_tells_nobody_the_token(project: Project, ui: Ui, page: Tab) -> None:
    page.visit(ui.address)
    page.shown("document.querySelector('h1')?.textContent", "0 runs of project")
    token = ui.address.partition("token=")[2]
    words = Path(f"/proc/{ui.process.pid}/cmdline").read_bytes() + Path(f"/proc/{ui.process.pid}/environ").read_bytes()
    assert token.encode() not in words
    said = ui.end()
    assert ui.process.returncode == 0
    assert token not in "".join(said)
    assert "Traceback" not in said[1]
    page.shown("document.getElementById('connection').textContent.includes('does not answer')")


def test_the_browser_is_opened_by_a_file_of_ones_own(project: Project, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    program = tmp_path / "bin" / "xdg-open"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho \"$@\" > {seen}.tmp\nstat -c %a \"$1\" >> {seen}.tmp\n"
                       f"cat \"$1\" >> {seen}.tmp\nmv {seen}.tmp {seen}\n")  # fmt: skip
    program.chmod(0o755)
    project.env["PATH"] = f"{program.parent}:{project.env['PATH']}"
    with Ui(project, "--port", str(free_port()), "--open") as ui:
        wait_for(seen.exists)
        words, mode, *text = seen.read_text().splitlines()
        assert "token" not in words and mode == "600"
        assert ui.address in "".join(text)
        ui.end()
    assert not os.path.exists(words.strip())


def test_a_port_that_is_in_use_is_told(project: Project, ui: Ui) -> None:
    done = project.snap("ui", "--port", str(ui.port))
    assert done.returncode == 3
    assert f"error: port {ui.port} is in use" in done.stderr and "hint: name another after `--port`" in done.stderr
    for port in ("0", "65536", "x", "-1"):
        done = project.snap("ui", "--port", port)
        assert done.returncode == 2 and "no port" in done.stderr
    with Ui(project) as first, Ui(project) as second:
        assert first.port != second.port
