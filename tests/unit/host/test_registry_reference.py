import pytest

from snapshot.errors import UsageError
from snapshot.host.registry_reference import is_loopback, parse

DIGEST = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest"),
    [
        ("127.0.0.1:5000/team/digits:best", "127.0.0.1:5000", "team/digits", "best", None),
        ("registry.example.com/digits", "registry.example.com", "digits", None, None),
        ("localhost/digits:1", "localhost", "digits", "1", None),
        ("[::1]:5000/digits:1", "[::1]:5000", "digits", "1", None),
        (f"r.example.com/a/b_c/d-e@{DIGEST}", "r.example.com", "a/b_c/d-e", None, DIGEST),
        (f"r.example.com/a:t@{DIGEST}", "r.example.com", "a", "t", DIGEST),
        ("ada/digits", "docker.io", "ada/digits", None, None),
        ("digits:best", "docker.io", "library/digits", "best", None),
        ("index.docker.io/ada/digits", "docker.io", "ada/digits", None, None),
    ],
)
def test_a_name_is_what_docker_has_it_be(text, registry, repository, tag, digest):
    reference = parse(text)
    assert (reference.registry, reference.repository) == (registry, repository)
    assert (reference.tag, reference.digest) == (tag, digest)
    assert parse(reference.text) == reference


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no repository"),
        ("http://127.0.0.1:5000/team/digits", "is a URL"),
        ("127.0.0.1:5000", "names a registry and no repository"),
        ("localhost:5000", "names a registry and no repository"),
        ("registry.example.com", "names a registry and no repository"),
        ("r.example.com/", "names no repository"),
        ("/team/digits", "names no registry"),
        (":best", "names no registry"),
        ("r.example.com/Team/digits", "upper case"),
        ("r.example.com/team/my digits", "no name"),
        ("r.example.com/team//digits", "no name"),
        ("r.example.com/../digits", "no name"),
        ("r.example.com/digits:", "no tag"),
        ("r.example.com/digits:be st", "no tag"),
        ("r.example.com/digits:" + "a" * 129, "no tag"),
        ("r.example.com/digits@sha256:0a", "no digest"),
        ("-r.example.com/digits", "no host"),
        ("r.example.com:port/digits", "no host"),
        ("r.example.com:99999/digits", "no host"),
        ("r.example.com:0/digits", "no host"),
        ("r..example.com/digits", "no host"),
        ("a" * 64 + ".example.com/digits", "no host"),
        ("r.example.com/" + "a" * 300, "longer than 255"),
        ("r.example.com/digits\n", "no name"),
    ],
)
def test_what_is_no_name_says_why(text, said):
    with pytest.raises(UsageError, match=said) as caught:
        parse(text)
    assert caught.value.hint


@pytest.mark.parametrize("registry", ["localhost", "localhost:5000", "127.0.0.1", "127.3.2.1:5000", "[::1]:5000"])
def test_this_machine(registry):
    assert is_loopback(registry)


@pytest.mark.parametrize("registry", ["localhost.example.com", "128.0.0.1:5000", "127.0.0.1.example.com", "[::2]:1"])
def test_other_machines(registry):
    assert not is_loopback(registry)
