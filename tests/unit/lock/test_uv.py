"""How uv is asked, and what is made of its refusals. That it resolves as pip-tools does is an integration test."""

import pytest

from snapshot.errors import NetworkError, ResolveError
from snapshot.host.pip_config import PipConfig
from snapshot.lock import uv
from snapshot.project.requirements import Pin, PinnedFile, Pins, Requirements


def test_indexes_are_pips_and_no_command_line_shows_their_credentials() -> None:
    pip = PipConfig(
        options={
            "index-url": "https://me:secret@index.example/simple",
            "extra-index-url": "file:///srv/simple\nhttps://more.example/simple",
            "find-links": "/srv/wheels",
        }
    )
    assert uv._indexes(pip) == {
        "UV_DEFAULT_INDEX": "file:///srv/simple",
        "UV_INDEX": "https://me:secret@index.example/simple https://more.example/simple",
        "UV_FIND_LINKS": "/srv/wheels",
    }
    assert "secret" not in " ".join(uv._options(pip, Requirements(source="x")))


def test_without_configuration_uv_asks_what_pip_asks() -> None:
    from pip._internal.models.index import PyPI

    assert uv._indexes(PipConfig()) == {"UV_DEFAULT_INDEX": PyPI.simple_url, "UV_INDEX": ""}


@pytest.mark.parametrize(
    ("platform", "known"),
    [
        ("manylinux_2_36_x86_64", "x86_64-manylinux_2_36"),
        ("manylinux_2_27_x86_64", "x86_64-manylinux_2_17"),
        ("manylinux_2_99_aarch64", "aarch64-manylinux_2_40"),
    ],
)
def test_the_platform_is_the_newest_that_uv_knows_and_the_base_has(platform: str, known: str) -> None:
    assert uv._platform(platform) == known


def test_a_base_without_glibc_is_not_for_uv() -> None:
    with pytest.raises(ResolveError, match="`linux_x86_64`"):
        uv._platform("linux_x86_64")


def test_a_contradiction_is_told_in_uvs_words() -> None:
    said = (
        "error: No solution found when resolving dependencies\n"
        "  cause: Because you require a<2 and a>2.3, we can conclude that your requirements are unsatisfiable.\n"
    )
    problem = uv._error(said, "requirements.txt")
    assert isinstance(problem, ResolveError)
    assert problem.message == (
        "the requirements of requirements.txt can't be resolved: because you require a<2 and a>2.3"
    )


def test_what_has_source_only_is_for_pip_tools() -> None:
    said = (
        "error: No solution found when resolving dependencies\n"
        "  cause: Because docopt==0.6.2 has no usable wheels and you require docopt==0.6.2, …\n\n"
        "hint: Wheels are required for `docopt` because building from source is disabled for all packages\n"
    )
    problem = uv._error(said, "requirements.txt")
    assert "docopt==0.6.2" in problem.message and "pip-tools" in str(problem.hint)


def test_an_index_that_does_not_answer_is_the_networks_fault_and_its_password_is_nobodys_affair() -> None:
    said = "error: Request failed after 3 retries\n  cause: Failed to fetch: https://me:secret@host/simple/numpy/\n"
    problem = uv._error(said, "requirements.txt")
    assert isinstance(problem, NetworkError) and "secret" not in problem.message


def test_wrong_credentials_are_told_rather_than_that_there_is_no_solution() -> None:
    said = (
        "error: No solution found when resolving dependencies\n"
        "  cause: Because spam was not found in the package registry and you require spam, …\n\n"
        "hint: An index URL (https://host/simple) could not be queried due to a lack of valid authentication "
        "credentials (401 Unauthorized)\n"
    )
    problem = uv._error(said, "requirements.txt")
    assert isinstance(problem, NetworkError) and "netrc" in str(problem.hint)
    assert problem.message == "`https://host/simple` can't be fetched: 401 Unauthorized"


def test_a_certificate_that_nobody_knows() -> None:
    said = (
        "error: Failed to fetch: https://host:8443/simple/spam/\n"
        "  cause: error sending request for url (https://host:8443/simple/spam/)\n"
        "  cause: client error (Connect)\n  cause: invalid peer certificate: UnknownIssuer\n"
    )
    problem = uv._error(said, "requirements.txt")
    assert isinstance(problem, NetworkError) and "global.cert" in str(problem.hint)
    assert problem.message.startswith("`https://host:8443/simple/spam/` can't be fetched: its certificate")


def test_a_name_that_no_index_has() -> None:
    said = (
        "error: No solution found …\n  cause: Because spma was not found in the package registry and you require spma\n"
    )
    problem = uv._error(said, "requirements.txt")
    assert isinstance(problem, ResolveError) and "correct the name" in str(problem.hint)


def test_of_several_indexes_the_best_version_is_taken_as_pip_does() -> None:
    one = PipConfig(options={"index-url": "https://a/simple"})
    two = PipConfig(options={"index-url": "https://a/simple", "extra-index-url": "https://b/simple"})
    plain = Requirements(source="requirements.txt", lines=("spam",))
    more = Requirements(source="requirements.txt", lines=("--extra-index-url https://b/simple", "spam"))
    # uv tells of wrong credentials only where there is but one.
    assert list(uv._options(one, plain)) == []
    assert list(uv._options(two, plain)) == list(uv._options(one, more)) == ["--index-strategy=unsafe-best-match"]


def test_an_index_is_recorded_where_it_can_be_no_other() -> None:
    pip = PipConfig(options={"index-url": "https://me:secret@a/simple"})
    pins = Pins(
        packages=(Pin(name="spam", version="1", files=(PinnedFile(name="spam.whl", url="https://b/spam.whl"),)),)
    )
    plain = Requirements(source="requirements.txt", lines=("spam",))
    more = Requirements(source="requirements.txt", lines=("--extra-index-url https://b/simple", "spam"))
    assert uv._placed(pins, pip, plain).packages[0].index == "https://a/simple"
    assert uv._placed(pins, pip, more).packages[0].index is None


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            "error: No solution found …\n  cause: Because spam was not found in the package registry and …\n\n"
            "hint: An index (http://host/simple) returned a 403 Forbidden error. Check that …\n",
            "`http://host/simple` can't be fetched: 403 Forbidden",
        ),
        (
            "error: Failed to fetch: http://host/files/spam.whl\n"
            "  cause: HTTP status client error (404 Not Found) for url (http://host/files/spam.whl)\n",
            "`http://host/files/spam.whl` can't be fetched: 404 Not Found",
        ),
    ],
)
def test_a_server_that_refuses_is_told_as_with_pip(said: str, message: str) -> None:
    problem = uv._error(said, "requirements.txt")
    assert isinstance(problem, NetworkError) and problem.hint
    assert problem.message == message


def test_what_uv_adds_belongs_to_the_reason_and_the_hint_is_an_action() -> None:
    said = (
        "warning: `eggs==1.0` is yanked\nerror: No solution found …\n  cause: Because win==1.0 has no wheels …\n\n"
        "hint: Wheels are available for `win` (v1.0) on the following platform: `win_amd64`.\n"
    )
    problem = uv._error(said, "requirements.txt")
    assert problem.message.endswith(
        "because win==1.0 has no wheels …; wheels are available for `win` (v1.0) on the following platform: `win_amd64`"
    )
    assert "eggs" not in problem.message
    assert problem.hint == "ask for another version, or choose another Python or base in the configuration"


def test_another_python_is_named() -> None:
    said = "error: No solution found …\n  cause: Because good==2.0 requires Python >=3.13 and …\n"
    assert "`python =" in str(uv._error(said, "requirements.txt").hint)


def test_abbreviations_stay_as_they_are() -> None:
    assert "HTTP went wrong" in uv._error("error: Failed\n  cause: HTTP went wrong\n", "requirements.txt").message
