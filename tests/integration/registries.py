"""Debian's docker-registry, brought up as a test wants it."""

import base64
import json
import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

USER, PASSWORD = "ada", "s3cret-t0ken"
# PASSWORD by bcrypt, all that the registry takes; libxcrypt: crypt(PASSWORD, "$2y$05$abcdefghijklmnopqrstuu").
HTPASSWD = f"{USER}:$2y$05$abcdefghijklmnopqrstuuBt1Ooz.e/xS.SS1YAcn69oaYQ1CQZKK\n"


@dataclass(frozen=True)
class Secured:
    """A registry that speaks TLS and wants a password."""

    address: str
    authority: Path
    """The certificate of who signed its own: for SSL_CERT_FILE or REQUESTS_CA_BUNDLE."""
    docker_config: Path
    """For DOCKER_CONFIG: a folder as after `docker login` with the right password."""


class RegistryProcess:
    """A registry on loopback that can be killed, and be started again on the same port and storage."""

    def __init__(
        self, program: Path, folder: Path, *, storage: Path | None = None, http: str = "", more: str = ""
    ) -> None:
        self.program = program
        self.folder = folder
        self.address = f"127.0.0.1:{free_port()}"
        storage = storage or folder / "storage"
        # The secret, since uploads go on after a restart only where it is the same.
        (folder / "config.yml").write_text(
            f"version: 0.1\n"
            f"log: {{level: info}}\n"
            f"storage: {{filesystem: {{rootdirectory: {storage}}}, delete: {{enabled: true}}}}\n"
            f"http: {{addr: '{self.address}', secret: of-the-tests{http}}}\n{more}"
        )
        self.start()

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([self.program, "serve", self.folder / "config.yml"], stdout=log, stderr=log)
        host, port = self.address.split(":")
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection((host, int(port)), timeout=2).close()
                return
            except OSError:
                time.sleep(0.05)
        pytest.fail(f"the registry did not come up\n{(self.folder / 'log').read_text()}")

    def alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


def secured(command, program: Path, folder: Path) -> tuple[RegistryProcess, Secured]:
    """A registry with a certificate of an authority of its own, and one user."""
    certify(command, folder)
    (folder / "htpasswd").write_text(HTPASSWD)
    process = RegistryProcess(
        program,
        folder,
        http=f", tls: {{certificate: {folder / 'server.crt'}, key: {folder / 'server.key'}}}",
        more=f"auth: {{htpasswd: {{realm: tests, path: {folder / 'htpasswd'}}}}}\n",
    )
    config = folder / "docker"
    log_in(config, process.address, USER, PASSWORD)
    return process, Secured(address=process.address, authority=folder / "ca.crt", docker_config=config)


def log_in(config: Path, address: str, user: str, password: str) -> None:
    """What `docker login` writes into the folder `config`."""
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    config.mkdir(exist_ok=True)
    (config / "config.json").write_text(json.dumps({"auths": {address: {"auth": auth}}}))


def certify(command, folder: Path) -> None:
    """`ca.crt`, and `server.crt` and `server.key` for 127.0.0.1 that it signed."""
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    (folder / "san").write_text("subjectAltName=IP:127.0.0.1\n")
    command("openssl", "req", "-x509", *new_key, "-days", "2", "-subj", "/CN=tests", "-addext", "keyUsage=keyCertSign",
            "-keyout", folder / "ca.key", "-out", folder / "ca.crt")  # fmt: skip
    command("openssl", "req", *new_key, "-subj", "/CN=127.0.0.1",
            "-keyout", folder / "server.key", "-out", folder / "server.csr")  # fmt: skip
    command("openssl", "x509", "-req", "-in", folder / "server.csr", "-CA", folder / "ca.crt", "-days", "2",
            "-CAkey", folder / "ca.key", "-CAcreateserial", "-extfile", folder / "san",
            "-out", folder / "server.crt")  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def registry_program(command) -> Path:
    """Debian's docker-registry; unpacked rather than installed, since installing would start a service."""
    if found := shutil.which("docker-registry"):
        return Path(found)
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "snapshot" / "tests" / "registry"
    program = cache / "usr" / "bin" / "docker-registry"
    if not program.exists():
        cache.mkdir(parents=True, exist_ok=True)
        if command("apt-get", "download", "-qq", "docker-registry", cwd=cache, check=False).returncode != 0:
            command("apt-get", "update", "-qq")
            command("apt-get", "download", "-qq", "docker-registry", cwd=cache)
        (package,) = cache.glob("docker-registry_*.deb")
        command("dpkg", "-x", package, cache)
        package.unlink()
    return program
