"""What of the outside world everybody can reach: hosts of packages and of base images. Pure.

A host that is not listed may be somebody's own: its name is not for the public, and what lies there travels along.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from snapshot.errors import UsageError
from snapshot.host.registry_reference import parse

_HOSTS = frozenset(
    {
        *("pypi.org", "files.pythonhosted.org", "download.pytorch.org", "download-r2.pytorch.org", "pypi.nvidia.com"),
        *("storage.googleapis.com", "data.pyg.org", "data.dgl.ai", "huggingface.co", "conda.anaconda.org"),
        *("github.com", "codeload.github.com", "raw.githubusercontent.com", "objects.githubusercontent.com"),
        *("gitlab.com", "bitbucket.org", "codeberg.org", "git.sr.ht"),
        *("deb.debian.org", "security.debian.org", "ftp.debian.org", "archive.debian.org", "snapshot.debian.org"),
        *("archive.ubuntu.com", "security.ubuntu.com", "ports.ubuntu.com", "snapshot.ubuntu.com"),
        "old-releases.ubuntu.com",
    }
)
_REGISTRIES = frozenset(
    {
        *("docker.io", "ghcr.io", "quay.io", "nvcr.io", "gcr.io", "mcr.microsoft.com", "public.ecr.aws"),
        *("registry.gitlab.com", "registry.access.redhat.com", "registry.fedoraproject.org", "registry.opensuse.org"),
    }
)


def is_public(url: str | None) -> bool:
    """Whether everybody can fetch `url`, which holds no credentials."""
    if url is None:
        return False
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https", "git")
            and parts.hostname in _HOSTS
            and parts.port is None
            and "@" not in parts.netloc
        )
    except ValueError:
        return False


def is_public_image(reference: str) -> bool:
    """Whether the image `reference` names is in a registry that is everybody's."""
    try:
        return parse(reference).registry in _REGISTRIES
    except UsageError:
        return False
