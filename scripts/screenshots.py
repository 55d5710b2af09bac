"""The images of docs/images. Called by scripts/screenshots."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from tests.browser import browser

IMAGES = Path(__file__).parent.parent / "docs" / "images"
SNAP = [sys.executable, "-m", "snapshot"]
COLOURS = 128
LARGEST = 300_000
"""Bytes of an image."""
TRAIN = '''\
"""Recognise handwritten digits with a small network."""

import argparse
import json
import os
import pickle
import time

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix, log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.001)
parser.add_argument("--hidden", type=int, default=32)
parser.add_argument("--epochs", type=int, default=40)
options = parser.parse_args()

images, labels = load_digits(return_X_y=True)
x, held_out, y, truth = train_test_split(images / 16, labels, test_size=0.3, random_state=0)
model = MLPClassifier((options.hidden,), learning_rate_init=options.lr, batch_size=64, random_state=0)
curve = open("metrics.jsonl", "w", buffering=1)
for epoch in range(1, options.epochs + 1):
    model.partial_fit(x, y, classes=np.arange(10))
    loss = {"train": log_loss(y, model.predict_proba(x)), "held_out": log_loss(truth, model.predict_proba(held_out))}
    accuracy = model.score(held_out, truth)
    print(json.dumps({"epoch": epoch, "loss": loss, "accuracy": accuracy}), file=curve)
    print(f"epoch {epoch:3} of {options.epochs}: loss {loss['train']:.4f}, accuracy {accuracy:.4f}", flush=True)
    time.sleep(float(os.environ.get("PAUSE", 0)))
matrix = confusion_matrix(truth, model.predict(held_out))
shades = np.sqrt(matrix / matrix.max())
Image.fromarray((255 - 200 * shades).astype("uint8")).resize((240, 240), Image.NEAREST).save("confusion.png")
with open("model.pkl", "wb") as file:
    pickle.dump(model, file)
'''


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, browser("chromium", Path(folder) / "profile") as tab:
        project = Path(folder) / "digits"
        train(project)
        report = Path(snap(project, "report", "best", "-o", str(Path(folder) / "report.html")))
        pair = Path(snap(project, "report", "baseline", "best", "-o", str(Path(folder) / "pair.html")))
        for name, page in (("report", report), ("comparison", pair)):
            tab.show(page)
            keep(name, tab.picture(height=1350))
        with training(project), server(project) as address:
            page = tab.another()
            page.visit(address)
            page.shown("document.querySelector('tbody tr td:nth-child(4)')?.textContent", "running")
            page.value("[...document.querySelectorAll('tbody input')].slice(2, 4).forEach(box => box.click())")
            keep("ui", page.picture(height=1000))


def train(project: Path) -> None:
    """Some runs, one of them repeated."""
    project.mkdir()
    (project / "train.py").write_text(TRAIN)
    (project / "requirements.txt").write_text("numpy\npillow\nscikit-learn\n")
    snap(project, "run", "--name", "baseline", "train.py")
    for rate in (0.0003, 0.003, 0.01, 0.03):
        for hidden in (16, 64):
            snap(project, "run", "train.py", "--lr", f"{rate:g}", "--hidden", str(hidden))
    snap(project, "run", "--name", "wide", "train.py", "--lr", "0.003", "--hidden", "128", "--epochs", "60")
    snap(project, "tag", "wide", "best")
    snap(project, "note", "best", "for the paper: half as many mistakes as the baseline")
    snap(project, "rerun", "best")


@contextmanager
def training(project: Path) -> Iterator[None]:
    """One that goes on, and is ended."""
    options = ["--lr", "0.001", "--hidden", "256", "--epochs", "500"]
    words = [*SNAP, "run", "--name", "long", "-e", "PAUSE=0.5", "train.py", *options]
    run = subprocess.Popen(words, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert run.stdout
    for line in run.stdout:
        if line.startswith("epoch  12"):
            break
    yield
    run.terminate()
    run.communicate()


@contextmanager
def server(project: Path) -> Iterator[str]:
    """The address of `snap ui`."""
    ui = subprocess.Popen([*SNAP, "ui", "--port", "8799"], cwd=project, stdout=subprocess.PIPE, text=True)
    assert ui.stdout
    yield ui.stdout.readline().strip()
    ui.terminate()
    ui.wait()


def snap(project: Path, *arguments: str) -> str:
    """What a command answers."""
    done = subprocess.run([*SNAP, *arguments], cwd=project, stdout=subprocess.PIPE, text=True, env=os.environ)
    assert done.returncode in (0, 1), arguments  # 1: a rerun that differs is a picture all the same
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


def keep(name: str, picture: bytes) -> None:
    """Write an image of few colours, which text and curves have."""
    with Image.open(io.BytesIO(picture)) as image:
        image.convert("RGB").quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
            IMAGES / f"{name}.png", optimize=True
        )
    size = (IMAGES / f"{name}.png").stat().st_size
    assert size < LARGEST, f"{name}.png has {size:,} bytes"
    print(f"{name}.png: {size:,} bytes")


if __name__ == "__main__":
    main()
