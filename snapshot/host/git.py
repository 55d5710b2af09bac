"""Repositories, fetched with the user's own git: her credentials, ssh agent, proxies and `insteadOf` hold.

The work tree of one commit comes out as tar archives, its own and one for each submodule, as `git archive` writes them:
so placeholders that the project marks with `export-subst` are filled in, as in the archives that forges offer.
https://git-scm.com/docs/git-archive, https://git-scm.com/docs/gitattributes#_creating_an_archive
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from snapshot.document import Value
from snapshot.errors import HostError, NetworkError, ResolveError
from snapshot.host import process
from snapshot.host.pip_config import strip_credentials

_BRANCHES = "refs/remotes/origin"
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_PLAIN = ("core.autocrlf=false", "core.eol=lf", "core.abbrev=12", "gc.auto=0")
"""What would make other bytes elsewhere; git's own abbreviations of commits grow with the repository."""


class Archive(Value, kw_only=True, frozen=True):
    """A tar archive of a work tree, or of a submodule of it."""

    path: Path
    below: str
    """Where in the work tree it belongs; empty for the work tree itself."""


class Checkout(Value, kw_only=True, frozen=True):
    """One commit."""

    commit: str
    archives: tuple[Archive, ...]
    described: str | None
    """`git describe --tags --long` of the last tag with a digit in it, as setuptools-scm asks; None without one."""


def address(url: str) -> str:
    """`url` without credentials: but for ssh, where the user's name is part of the address and the key is elsewhere."""
    found = re.match(r"(?P<scheme>ssh://)(?P<user>[^:@/]+)(?::[^@/]*)?@(?P<rest>.*)", url)
    return f"{found['scheme']}{found['user']}@{found['rest']}" if found else strip_credentials(url)


def checkout(url: str, revision: str | None, folder: Path, *, environment: Mapping[str, str] | None = None) -> Checkout:
    """The commit that `revision` (a branch, tag, ref or commit; by default the remote's HEAD) is at `url` now.

    `url` may hold credentials: they are in no argument and no message. The archives are put into `folder`.
    Raises HostError without git, NetworkError when the repository can't be had, ResolveError when it has no such
    revision or a submodule can't be had.
    """
    if process.find("git") is None:
        raise HostError("`git`, which a requirement needs, is not on the PATH", hint="install git")
    git = _Git(folder / "tree", url, dict(os.environ if environment is None else environment))
    git.start()
    commit = git.fetch(revision)
    git.check_out(commit)
    return Checkout(commit=commit, archives=tuple(git.archives(folder)), described=git.describe())


class _Git:
    """A repository under way."""

    def __init__(self, folder: Path, url: str, environment: dict[str, str]) -> None:
        self.folder, self.url = folder, url
        # Nobody is there to answer a question; what is asked by a helper or an agent is their own affair.
        self.environment = {"GIT_SSH_COMMAND": "ssh -o BatchMode=yes", **environment, "GIT_TERMINAL_PROMPT": "0"}
        for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
            self.environment.pop(name, None)
        self.spoken = address(url)

    def run(self, *arguments: str, below: str = "", stdin: str = "") -> process.Finished:
        plain = [word for setting in _PLAIN for word in ("-c", setting)]
        command = ("git", "-C", str(self.folder / below), *plain, *arguments)
        return process.run(command, env={**self.environment, "LC_ALL": "C"}, stdin=stdin.encode())

    def start(self) -> None:
        self.folder.mkdir()
        self.run("init", "--quiet")
        config = self.folder / ".git" / "config"
        url = self.url.replace("\\", "\\\\").replace('"', '\\"')
        remote = f'[remote "origin"]\n\turl = "{url}"\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n'
        with config.open("a", encoding="utf-8") as file:
            # As pip does: contents are fetched when they are checked out, and only those.
            file.write(f"{remote}\tpromisor = true\n\tpartialclonefilter = blob:none\n")
        # The build may need what a project leaves out of its releases.
        (self.folder / ".git" / "info").mkdir(exist_ok=True)
        (self.folder / ".git" / "info" / "attributes").write_text("* -export-ignore\n")

    def fetch(self, revision: str | None) -> str:
        """The commit of `revision`, fetched."""
        done = self.run("fetch", "--quiet", "--tags", "origin")
        if done.code != 0:
            raise _refused(self.spoken, done.stderr)
        if revision is None:
            self.run("remote", "set-head", "origin", "--auto")
            if commit := self.commit(f"{_BRANCHES}/HEAD"):
                return commit
            raise ResolveError(f"`{self.spoken}` has no commit that its HEAD names", hint="name a branch: `…@main`")
        names = [f"{_BRANCHES}/{revision}", f"refs/tags/{revision}"]
        for name in [*names, revision] if re.fullmatch(r"[0-9a-f]{7,64}", revision) else names:
            if commit := self.commit(name):
                return commit
        # A ref of its own, as `refs/pull/1/head`, or a commit that no branch holds any more.
        fetched = not revision.startswith("-") and self.run("fetch", "--quiet", "origin", revision).code == 0
        if fetched and (commit := self.commit("FETCH_HEAD")):
            return commit
        raise ResolveError(
            f"`{self.spoken}` has no revision `{revision}`", hint=f"see `git ls-remote {self.spoken}` for those it has"
        )

    def commit(self, name: str) -> str | None:
        done = self.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        found = done.stdout.strip().removeprefix("--end-of-options").strip()
        return found if done.code == 0 and _COMMIT.fullmatch(found) else None

    def check_out(self, commit: str) -> None:
        done = self.run("checkout", "--quiet", "--detach", commit)
        if done.code != 0:
            raise NetworkError(
                f"commit {commit[:12]} of `{self.spoken}` can't be checked out: {_said(done.stderr)}",
                hint="try again later",
            )
        # Branches move, and placeholders may name all that is at the commit: tags alone stay.
        self.run(
            "update-ref", "--stdin", stdin=self.run("for-each-ref", "--format=delete %(refname)", _BRANCHES).stdout
        )
        if not (self.folder / ".gitmodules").exists():
            return
        done = self.run("submodule", "update", "--init", "--recursive", "--quiet")
        if done.code != 0:
            raise ResolveError(
                f"a submodule of `{self.spoken}` can't be had: {_said(done.stderr)}",
                hint=f"see `git clone --recursive {self.spoken}`",
            )

    def archives(self, target: Path) -> Iterator[Archive]:
        listed = self.run("submodule", "--quiet", "foreach", "--recursive", 'echo "$displaypath"').stdout
        for number, below in enumerate(["", *listed.splitlines()]):
            path = target / f"{number}.tar"
            done = self.run("archive", "--format=tar", f"--output={path}", "HEAD", below=below)
            if done.code != 0:
                raise ResolveError(f"`{self.spoken}` can't be packed: {_said(done.stderr)}")
            yield Archive(path=path, below=below)

    def describe(self) -> str | None:
        done = self.run("describe", "--tags", "--long", "--match", "*[0-9]*")
        return done.stdout.strip() or None if done.code == 0 else None


def _refused(url: str, stderr: str) -> NetworkError:
    """Why a repository can't be had, as git says it."""
    said = _said(stderr)
    if re.search(r"cannot run ", stderr):
        return NetworkError(
            f"`{url}` can't be asked: {said}",
            hint="correct `GIT_SSH_COMMAND`, or git's `core.sshCommand`; or install ssh",
        )
    if re.search(r"could not read Username|Authentication failed|Permission denied|403|401|publickey", stderr):
        hint = "see that `git ls-remote` of it works here: a credential helper, `~/.netrc`, or a key in the ssh agent"
        return NetworkError(f"`{url}` refuses: {said}", hint=hint)
    if re.search(r"not found|does not appear to be a git repository|does not exist|No such file", stderr):
        hint = "check its address; a private one is `not found` to whom it does not know"
        return NetworkError(f"there is no repository `{url}`: {said}", hint=hint)
    return NetworkError(f"`{url}` can't be reached: {said}", hint="check the network and the proxy settings")


def _said(stderr: str) -> str:
    """The line of git's words that tells most."""
    lines = [line.strip() for line in strip_credentials(stderr).splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("ssh:", "fatal:", "error:", "ERROR:", "remote: error"))]
    text = (telling or lines or ["no reason given"])[0]
    text = re.sub(r"^(?:fatal|error|ERROR): ", "", text).rstrip(".")
    return text[:1].lower() + text[1:]
