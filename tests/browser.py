"""A real browser without a window, spoken to over a pipe in the DevTools protocol: no driver, no port, no network."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PATIENCE = 60.0
"""Seconds for any answer: the first start on a busy machine takes long."""


class Pipe:
    """What a browser hears and says; it is read by whichever tab waits for something."""

    def __init__(self, to: int, back: int) -> None:
        self._to, self._back = to, back
        self._rest = b""
        self._number = 0
        self.tabs: dict[str | None, Tab] = {}

    def send(self, message: dict[str, Any]) -> int:
        """Ask; gives the number of the answer."""
        self._number += 1
        os.write(self._to, json.dumps({"id": self._number, **message}).encode() + b"\0")
        return self._number

    def next(self, patience: float = PATIENCE) -> dict[str, Any] | None:
        """What is said next; an event goes to its tab as well. None when nothing is for so many seconds."""
        deadline = time.monotonic() + patience
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._back], [], [], max(deadline - time.monotonic(), 0))
            if not ready:
                return None
            data = os.read(self._back, 1 << 20)
            assert data, "the browser has ended"
            self._rest += data
        message, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        if "method" in found and (tab := self.tabs.get(found.get("sessionId"))):
            tab.events.append(found)
        return found


class Tab:
    """One page, as its reader sees it; `events` is all that the browser said of it meanwhile."""

    def __init__(self, pipe: Pipe, *, is_online: bool = False) -> None:
        self._pipe = pipe
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        # A window of its own: what is behind another is hidden, and may rest.
        target = self.ask("Target.createTarget", url="about:blank", newWindow=True)["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        pipe.tabs[self._session] = self
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")
        self.ask("Page.setLifecycleEventsEnabled", enabled=True)
        speed = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self.ask("Network.emulateNetworkConditions", offline=not is_online, **speed)

    def another(self) -> Tab:
        """One more of the same browser, for pages of a server."""
        return Tab(self._pipe, is_online=True)

    def ask(self, method: str, **parameters: object) -> dict[str, Any]:
        """What the browser answers."""
        of_tab = {"sessionId": self._session} if self._session else {}
        number = self._pipe.send({"method": method, "params": parameters, **of_tab})
        while (said := self._pipe.next()) and said.get("id") != number:
            pass
        assert said, "the browser does not answer"
        assert "error" not in said, said
        result: dict[str, Any] = said["result"]
        return result

    def show(self, path: Path) -> None:
        """Load a file; gives back when all of it is there."""
        self.visit(path.as_uri())

    def visit(self, address: str) -> None:
        """The same of any address."""
        self.events.clear()
        loader = self.ask("Page.navigate", url=address)["loaderId"]
        self.until(lambda: (loader, "load") in self._loaded())

    def _loaded(self) -> Iterator[tuple[str, str]]:
        for event in self.events:
            if event["method"] == "Page.lifecycleEvent":
                yield event["params"]["loaderId"], event["params"]["name"]

    def until(self, condition: Callable[[], object]) -> None:
        """Wait for what comes by itself."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, "it did not happen"
            self._pipe.next(0.05)

    def shown(self, expression: str, wanted: object = True) -> None:
        """Wait until an expression of JavaScript has this value."""
        self.until(lambda: self.value(expression) == wanted)

    def picture(self, *, height: int | None = None) -> bytes:
        """What is seen, as PNG: all of it down to `height`, or what the window shows."""
        clip = {"x": 0, "y": 0, "width": self.value("innerWidth"), "height": height, "scale": 1}
        more = {"captureBeyondViewport": True, "clip": clip} if height else {}
        return base64.b64decode(self.ask("Page.captureScreenshot", format="png", **more)["data"])

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript is."""
        found = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, userGesture=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key where the focus is."""
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key)

    def point(self, selector: str, across: float) -> None:
        """Move the pointer over an element, to a part of its width."""
        box = f"JSON.stringify(document.querySelector({selector!r}).getBoundingClientRect())"
        self.value(f"document.querySelector({selector!r}).scrollIntoView({{block: 'center'}})")
        found = json.loads(self.value(box))
        x, y = found["x"] + across * found["width"], found["y"] + found["height"] / 2
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def problems(self) -> list[str]:
        """Errors and warnings of the console, and whatever the page asked for beside itself."""
        said = []
        for event in self.events:
            about = event.get("params", {})
            if event["method"] == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
                said.append(about["entry"]["text"])
            elif event["method"] in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
                said.append(json.dumps(about))
            elif event["method"] == "Network.requestWillBeSent":
                said += [url for url in [about["request"]["url"]] if not url.startswith("data:image/")]
        return said[1:]  # the first is the page


@contextmanager
def browser(program: str, profile: Path) -> Iterator[Tab]:
    """A browser with one tab, gone afterwards."""
    (commands, to), (back, answers) = _pipe(), _pipe()
    # Chromium reads descriptor 3 and writes to 4.
    shell = f'exec 3<&{commands} 4>&{answers} {commands}<&- {answers}>&-; exec "$@"'
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage",
               "--remote-debugging-pipe", f"--user-data-dir={profile}", "--window-size=1200,900"]  # fmt: skip
    process = subprocess.Popen(
        ["bash", "-c", shell, "bash", program, *options], pass_fds=(commands, answers),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(commands)
    os.close(answers)
    pipe = Pipe(to, back)
    try:
        yield Tab(pipe)
    finally:
        with suppress(BrokenPipeError):
            pipe.send({"method": "Browser.close"})  # it then takes what it had in /tmp with it
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(to)
        os.close(back)


def _pipe() -> tuple[int, int]:
    """Two descriptors that are none of those that the browser takes."""
    ends = os.pipe()
    high = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return high[0], high[1]
