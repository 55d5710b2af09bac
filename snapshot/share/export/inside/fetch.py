"""Fetches the packages of an export while its image is built: `fetch.py packages.json /fetched`.

Each file is checked against its sha256, so it does not matter who answers: a base without certificates will do.
Runs with the base's own Python, from 3.8 on, and needs nothing else.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import ssl
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

CONNECTIONS = 8
ATTEMPTS = 4
SECONDS = 60
CHUNK = 1 << 20


def main(listed: str, target: str) -> int:
    """Fetch all that is listed; 1 when something can't be had."""
    with open(listed, encoding="utf-8") as file:
        packages = json.load(file)
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        failures = [failure for failure in pool.map(lambda one: fetch(one, target), packages) if failure]
    for failure in failures:
        print(f"error: {failure}", file=sys.stderr)
    return 1 if failures else 0


def fetch(package: dict[str, Any], target: str) -> str:
    """Fetch one file; why it can't be had, or nothing."""
    path = os.path.join(target, package["path"])
    os.makedirs(os.path.dirname(path), exist_ok=True)
    why = ""
    for attempt in range(ATTEMPTS):
        for url in package["urls"]:
            try:
                download(url, path + ".part")
            except OSError as problem:
                why = f"{url}: {problem}"
                continue
            if sha256(path + ".part") == package["sha256"]:
                os.rename(path + ".part", path)
                return ""
            why = f"{url} has other bytes than the lock says"
        time.sleep(2**attempt)
    return why


def download(url: str, path: str) -> None:
    """Write what is at `url` to `path`; raises OSError."""
    unchecked = ssl.create_default_context()
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
    with urllib.request.urlopen(url, timeout=SECONDS, context=unchecked) as answer, open(path, "wb") as file:
        shutil.copyfileobj(answer, file, CHUNK)


def sha256(path: str) -> str:
    """The file's sha256."""
    hasher = hashlib.sha256()
    with open(path, "rb") as file:
        while True:
            chunk = file.read(CHUNK)
            if not chunk:
                return hasher.hexdigest()
            hasher.update(chunk)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
