"""Runs a notebook in its folder with nbclient, and writes it with what came out: what `snap run train.ipynb` starts.

    python notebook.py NOTEBOOK EXECUTED [PARAMETERS]

PARAMETERS is code, which becomes a cell behind the one that is tagged `parameters`, as papermill has it. What the cells
print is printed as it comes; what they show is printed as text. EXECUTED is written after each cell, and holds nothing
that differs from run to run: no times, no random IDs.

Exits with 1 when a cell failed or EXECUTED can't be written, with the code of its `sys.exit`, with 130 after Ctrl-C,
or as the kernel did that died.
"""

import asyncio
import atexit
import json
import os
import re
import signal
import sys
from contextlib import suppress

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbclient.util import ensure_async
from traitlets.config import Config

TYPE_CHECKING = False  # as `typing` has it, without the import
if TYPE_CHECKING:
    from typing import Any

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
FILE_OF_CELL = re.compile(r"(/tmp/ipykernel)_\d+/")
"""Where ipykernel says that a cell's code is; the number is that of its process."""
PATIENCE = 600
"""Seconds that a kernel may take to start, and output to come after the reply; nbclient's own 60 and 4 are too few for
a busy machine."""
SOCKETS = "/tmp/kernel"
"""How their paths begin; those that a kernel leaves when it is killed are none of the notebook's files there."""
INJECTED = "injected-parameters"
SEED = os.environ.get("SNAP_DETERMINISM", "").partition(":")[2]
"""Of `--deterministic` and `--seed`; see `determined.py`."""


class Client(NotebookClient):  # type: ignore[misc]
    """Executes the cells of one notebook, and tells of them."""

    ended: "int | None" = None
    """The signal that ended it."""
    process: "Any" = None
    """The kernel's."""

    async def async_start_new_kernel(self, **options: "Any") -> None:
        # nbclient's own handlers would end the kernel, and with it what the cell could still do.
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_event_loop().add_signal_handler(number, self.interrupt, number)
        await super().async_start_new_kernel(**options)
        self.process = getattr(getattr(self.km, "provisioner", None), "process", None)

    async def async_start_new_kernel_client(self, **options: "Any") -> "Any":
        client = await super().async_start_new_kernel_client(**options)
        if SEED:
            # The kernel has drawn from it meanwhile, for ports.
            seeded = await ensure_async(client.execute(f"__import__('random').seed({int(SEED)})", silent=True))
            await self.async_wait_for_reply(seeded)
        return client

    def interrupt(self, number: int) -> None:
        """Ctrl-C is for the cell, as in Jupyter; a kernel that is not there yet has none."""
        self.ended = number
        if self.process:
            os.killpg(self.process.pid, signal.SIGINT if self.code_cells_executed else signal.SIGKILL)

    def output(self, outs: "list[Any]", msg: "dict[str, Any]", display_id: "Any", cell_index: int) -> "Any":
        content = msg["content"]
        for key in ("text", "traceback"):
            if key in content:
                content[key] = always_the_same(content[key])
        show(msg["msg_type"], content)
        return super().output(outs, msg, display_id, cell_index)


def always_the_same(text: "Any") -> "Any":
    if isinstance(text, list):
        return [always_the_same(line) for line in text]
    return FILE_OF_CELL.sub(r"\1/", text)


def show(kind: str, content: "dict[str, Any]") -> None:
    """Print an output of a cell."""
    if kind == "stream":
        stream = sys.stderr if content["name"] == "stderr" else sys.stdout
        stream.write(content["text"])
        stream.flush()
    elif kind == "error":
        text = "\n".join(content["traceback"])
        print(text if sys.stderr.isatty() else COLOURS.sub("", text), file=sys.stderr, flush=True)
    elif kind in ("execute_result", "display_data") and "text/plain" in content["data"]:
        print(content["data"]["text/plain"], flush=True)


def read(path: str, parameters: str) -> "Any":
    """The notebook, with the cell of parameters, and without outputs of earlier times."""
    with open(path, encoding="utf-8-sig") as file:
        notebook = json.load(file)
    if parameters:
        inject(notebook["cells"], parameters)
    if notebook.get("nbformat_minor", 0) >= 5:
        identify(notebook["cells"])
    else:
        for cell in notebook["cells"]:
            cell.pop("id", None)
    notebook = nbformat.reads(json.dumps(notebook), as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            cell.metadata.pop("execution", None)
    return notebook


def inject(cells: "list[dict[str, Any]]", parameters: str) -> None:
    """Put the parameters in the place of those that were injected before, else behind the tagged cell, else first."""
    cell: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "id": INJECTED,
        "metadata": {"tags": [INJECTED]},
        "outputs": [],
        "source": parameters,
    }
    tags = [each.get("metadata", {}).get("tags") or [] for each in cells]
    for at, found in enumerate(tags):
        if INJECTED in found:
            cells[at] = cell
            return
    cells.insert(next((at + 1 for at, found in enumerate(tags) if "parameters" in found), 0), cell)


def identify(cells: "list[dict[str, Any]]") -> None:
    """Give an ID to cells that lack it, or share it: nbformat would take random ones."""
    seen: set[str | None] = {None}
    for number, cell in enumerate(cells, 1):
        if cell.get("id") in seen:
            cell["id"] = f"cell-{number}"
        seen.add(cell["id"])


def write(notebook: "Any", path: str) -> bool:
    """All of it or nothing: it may be looked at meanwhile. Whether that could be done; else it is said why not."""
    try:
        nbformat.write(notebook, path + ".new")
        os.replace(path + ".new", path)
    except OSError as problem:
        with suppress(OSError):
            os.unlink(path + ".new")
        say(f"{path} can't be written: {problem.strerror}")
        return False
    return True


def main(path: str, executed: str, parameters: str = "") -> int:
    """Run the notebook; the exit code."""
    notebook = read(path, parameters)
    # Sockets: with the host's network, others could reach a port.
    config = Config({"KernelManager": {"transport": "ipc", "ip": SOCKETS}})
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    client = Client(
        notebook,
        kernel_name="python3",
        config=config,
        timeout=None,
        startup_timeout=PATIENCE,
        iopub_timeout=PATIENCE,
        record_timing=False,
        coalesce_streams=True,
        on_cell_executed=lambda **_: write(notebook, executed),
    )
    ended = 1
    try:
        client.execute()
        ended = 0
    except CellExecutionError as problem:
        ended = failed(path, problem.ename, problem.evalue, client, len(code))
    except RuntimeError as problem:
        ended = died(path, str(problem), client, len(code))
    finally:
        is_written = write(notebook, executed)
    return ended if is_written else ended or 1


def failed(path: str, name: str, value: str, client: Client, cells: int) -> int:
    """Say which cell failed; the exit code, which for `sys.exit` is that of a script."""
    if name == "SystemExit":
        if value in ("", "None"):
            return 0
        return int(value) & 0xFF if re.fullmatch(r"-?\d+", value, re.ASCII) else 1
    where = f"{path}: cell {client.code_cells_executed} of {cells}"
    if name == "KeyboardInterrupt" and client.ended:
        say(f"{where} was interrupted")
        return 128 + client.ended
    if name == "StdinNotImplementedError":
        say(f"{where} failed: nobody is there to answer `input()`; a parameter can take its place")
    else:
        say(f"{where} failed: {name}: {value}")
    return 1


def died(path: str, reason: str, client: Client, cells: int) -> int:
    """Say in which cell the kernel died; the exit code is the kernel's."""
    # nbclient has cleaned up, and would try again.
    atexit.unregister(client._cleanup_kernel)
    if client.ended:
        return 128 + client.ended
    code = client.process.poll() if client.process else None
    how = "" if code is None else f" with signal {-code}" if code < 0 else f" with code {code}"
    at = f"in cell {client.code_cells_executed} of {cells}" if client.code_cells_executed else f"at its start: {reason}"
    say(f"{path}: the kernel died{how} {at}")
    return 128 - code if code is not None and code < 0 else code or 1


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
