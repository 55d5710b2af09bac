"""pip's failures in our words. The texts are pip's own, as it said them."""

import pytest

from snapshot.errors import IntegrityError, NetworkError, ResolveError, SnapshotError, UsageError
from snapshot.lock.explain import Failure, Miss, error
from snapshot.lock.explain_network import warnings


def explain(
    message: str = "", *, said: tuple[str, ...] = (), kind: str = "InstallationError", **more: str
) -> SnapshotError:
    failure = Failure(kind=kind, message=message, said=said, cause=more.get("cause", ""))
    places = {"--frob x": "requirements.txt, line 7"}
    return error(failure, source="requirements.txt", python="3.11", places=places)


NOT_FOUND = "Could not find a version that satisfies the requirement "


def test_a_name_that_no_index_has() -> None:
    found = explain(
        "No matching distribution found for nmpy",
        kind="DistributionNotFound",
        said=(NOT_FOUND + "nmpy (from versions: none)",),
    )
    assert isinstance(found, ResolveError)
    assert found.message == "no version of `nmpy` for Python 3.11 is on the indexes"


def test_a_version_that_is_not_there_shows_those_that_are() -> None:
    said = NOT_FOUND + "numpy==99 (from versions: " + ", ".join(f"1.{n}" for n in range(40)) + ")"
    found = explain(kind="DistributionNotFound", said=(said,))
    assert found.message.endswith("there are … 1.32, 1.33, 1.34, 1.35, 1.36, 1.37, 1.38, 1.39")


def test_a_version_for_another_python() -> None:
    ignored = "Ignored the following versions that require a different python version: 2.5.0 Requires-Python >=3.12"
    found = explain(
        kind="DistributionNotFound", said=(ignored, NOT_FOUND + "numpy==2.5.0 (from versions: 2.4.5, 2.4.6)")
    )
    assert found.message == "`numpy==2.5.0` needs another Python than 3.11: >=3.12"
    assert found.hint and "`python =" in found.hint


def test_a_package_of_windows_only_is_limited_to_it() -> None:
    files = ("pywin32-306-cp311-cp311-win_amd64.whl", "pywin32-306-cp311-cp311-win32.whl")
    miss = Miss(name="pywin32", version="306", reason="platform", files=files)
    said = NOT_FOUND + "pywin32==306 (from -r requirements.txt (line 3)) (from versions: none)"
    failure = Failure(kind="NoVersion", message="", said=(said,), missing=(miss,))
    found = error(failure, source="requirements.txt", python="3.11")
    assert "`pywin32==306` (requirements.txt, line 3) has no file for Python 3.11 on this base" in found.message
    assert found.hint and "`pywin32==306; sys_platform == 'win32'`" in found.hint


def test_where_a_requirement_stands() -> None:
    said = NOT_FOUND + "numpy==99 (from -r requirements.txt (line 3)) (from versions: 2.4.6)"
    assert "(requirements.txt, line 3)" in explain(kind="DistributionNotFound", said=(said,)).message


def test_a_contradiction_lists_who_wants_what() -> None:
    said = (
        "Cannot install a and b because these package versions have conflicting dependencies.",
        "\nThe conflict is caused by:\n    The user requested numpy<2.1\n"
        "    scipy 1.11.0 depends on numpy<1.28.0\n\nTo fix this …",
    )
    found = explain(
        "ResolutionImpossible: for help visit …", kind="DistributionNotFound", cause="ResolutionImpossible", said=said
    )
    assert (
        found.message
        == "the requirements contradict each other: requested: numpy<2.1; scipy 1.11.0 depends on numpy<1.28.0"
    )
    assert found.exit_code == 4


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            "Invalid requirement: 'foo bar' (from line 2 of requirements.txt)\nHint: …",
            "requirements.txt, line 2: `foo bar` is not a requirement",
        ),
        (
            "Invalid requirement: 'foo bar': Expected end\n    foo bar\n        ^ (from line 12 of more/gpu.txt)",
            "more/gpu.txt, line 12: `foo bar` is not a requirement",
        ),
        (
            "Invalid requirement: --frob x\nsnap: error: no such option: --frob",
            "requirements.txt, line 7: `--frob x` is not a requirement",
        ),
        (
            "Invalid requirement: './pkg' (from line 1 of requirements.txt)\n"
            "Hint: It looks like a path. File './pkg' does not exist.",
            "requirements.txt, line 1: `./pkg` is a path that is not there",
        ),
    ],
)
def test_an_invalid_line_is_named(message: str, said: str) -> None:
    found = explain(message)
    assert isinstance(found, UsageError)
    assert found.message == said


PAGE = "Could not fetch URL https://ada:s3cret@host/simple/numpy/: {} - skipping"


@pytest.mark.parametrize(
    ("reason", "said", "hint"),
    [
        ("401 Client Error: Unauthorized for url: https://host/simple/numpy/", "401 Unauthorized", "credentials"),
        ("503 Server Error: Service Unavailable for url: https://host/", "503 Service Unavailable", "later"),
        (
            "There was a problem confirming the ssl certificate: HTTPSConnectionPool(host='host', port=443): "
            "Max retries exceeded (Caused by SSLError("
            "SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: …')))",
            "CERTIFICATE_VERIFY_FAILED",
            "global.cert",
        ),
        (
            "connection error: HTTPSConnectionPool(host='h', port=9): Max retries exceeded "
            "with url: /simple/numpy/ (Caused by "
            "NewConnectionError('<…>: Failed to establish a new connection: [Errno 111] Connection refused'))",
            "connection refused",
            "index-url",
        ),
        ("timed out", "timed out", "network"),
        ("host didn't respond within 2.0 seconds", "timed out", "network"),
        (
            "There was a problem confirming the ssl certificate: [X509: NO_CERTIFICATE_OR_CRL_FOUND] "
            "no certificate or crl found (_ssl.c:4126)",
            "no certificates in the bundle",
            "in PEM",
        ),
    ],
)
def test_an_index_that_can_not_be_asked(reason: str, said: str, hint: str) -> None:
    found = explain(kind="DistributionNotFound", said=(PAGE.format(reason), NOT_FOUND + "numpy (from versions: none)"))
    assert isinstance(found, NetworkError)
    assert found.message.startswith("`https://host/simple/numpy/` can't be fetched") and said in found.message
    assert found.hint and hint in found.hint
    assert "s3cret" not in found.message


def test_an_index_without_the_page_is_no_trouble() -> None:
    page = PAGE.format("404 Client Error: Not Found for url: https://host/simple/numpy/")
    assert isinstance(
        explain(kind="DistributionNotFound", said=(page, NOT_FOUND + "x (from versions: none)")), ResolveError
    )
    assert warnings([page]) == ()


def test_an_index_without_which_it_went_is_told_once() -> None:
    refused = "connection error: ('<…>: Failed to establish a new connection: [Errno 111] Connection refused'))"
    pages = [
        f"Could not fetch URL http://ada:****@host/simple/{name}/: {refused} - skipping" for name in ("spam", "eggs")
    ]
    assert warnings(pages) == ("`http://host/simple/` can't be fetched: connection refused",)


def test_a_file_that_an_index_lists_and_does_not_have() -> None:
    found = explain(
        "404 Client Error: Not Found for url: https://ada:s3cret@host/files/spam-1.0-py3-none-any.whl",
        kind="NetworkConnectionError",
    )
    assert isinstance(found, NetworkError) and found.hint and "another index" in found.hint
    assert found.message == "`https://host/files/spam-1.0-py3-none-any.whl` can't be fetched: 404 Not Found"


def test_a_wheel_that_was_cut_off() -> None:
    found = explain(
        "Wheel 'spam' located at /tmp/pip-unpack-kea_/spam-1.0-py3-none-any.whl is invalid.", kind="InvalidWheel"
    )
    assert isinstance(found, IntegrityError) and found.hint
    assert found.message == "`spam-1.0-py3-none-any.whl` is no wheel, or only a part of one"


def missing(*misses: Miss) -> SnapshotError:
    return error(Failure(kind="NotFound", missing=misses), source="poetry.lock", python="3.11")


def test_all_pins_without_a_file_are_told_at_once() -> None:
    found = missing(
        Miss(name="nmpy", version="1.0", reason="name"),
        Miss(name="numpy", version="9.9", reason="version", versions=("2.4.5", "2.4.6")),
        Miss(
            name="torch",
            version="2.0",
            reason="platform",
            files=("torch-2.0-cp310-none-macosx_11_0_arm64.whl", "torch-2.0-cp310-cp310-win_amd64.whl"),
        ),
    )
    assert isinstance(found, ResolveError)
    assert found.message == (
        "`nmpy==1.0` is not on the indexes; `numpy==9.9` is not on the indexes; there are 2.4.5, 2.4.6; "
        "`torch==2.0` has no file for Python 3.11 on this base: wheels are for cp310 on macosx_11_0_arm64, win_amd64"
    )


def test_a_pin_whose_files_have_other_hashes() -> None:
    assert isinstance(missing(Miss(name="spam", version="1.0", reason="hash")), IntegrityError)


def test_a_path_is_no_package() -> None:
    found = explain("file:///project (-r requirements.txt (line 1))", kind="NotAPackage")
    assert "requirements.txt, line 1" in found.message and found.hint and "`-e .`" in found.hint


def test_what_is_not_known_is_shown_shortly_and_without_credentials() -> None:
    found = explain("Something at https://ada:s3cret@host/ " + "x" * 1000 + "\nTraceback …", kind="WhatError")
    assert "s3cret" not in found.message and len(found.message) < 400 and "\n" not in found.message


def test_a_wrong_hash_names_line_file_and_hash() -> None:
    found = explain(f"spam-1.0-py3-none-any.whl {'a' * 64} (-r requirements.txt (line 3))", kind="WrongHash")
    assert isinstance(found, IntegrityError)
    assert found.message == (
        f"requirements.txt, line 3: `spam-1.0-py3-none-any.whl` has sha256:{'a' * 64}, "
        "which is not among the hashes given"
    )
    assert found.hint and f"--hash=sha256:{'a' * 64}" in found.hint


def test_hashes_that_are_missing() -> None:
    found = explain("eggs==1.0, spam==2.0", kind="NoHash")
    assert isinstance(found, ResolveError)
    assert found.message == "requirements.txt demands hashes, and gives none for eggs==1.0, spam==2.0"


def test_a_contradiction_names_both_lines() -> None:
    said = "The conflict is caused by:\n The user requested numpy<1\n The user requested (constraint) numpy>2"
    failure = Failure(kind="X", message="ResolutionImpossible", cause="ResolutionImpossible", said=(said,))
    places = {"numpy < 1 ; python_version > '3'": "requirements.txt, line 1", "NumPy>2 --hash=x:y": "b.txt, line 4"}
    found = error(failure, source="requirements.txt", python="3.11", places=places)
    assert found.message == (
        "the requirements contradict each other: requested: numpy<1 (requirements.txt, line 1); "
        "requested: numpy>2 (b.txt, line 4)"
    )


def test_what_stands_in_a_list_has_items() -> None:
    failure = Failure(kind="NotAPackage", message="git+https://host/x (-r the configuration (line 2))")
    found = error(failure, source="the configuration", python="3.11")
    assert "git+https://host/x (the configuration, item 2)" in found.message


def test_a_host_that_is_out_of_reach_is_named() -> None:
    said = (
        "HTTPSConnectionPool(host='nohost.invalid', port=443): Max retries exceeded with url: /x-1-py3-none-any.whl "
        "(Caused by NewConnectionError('<…>: Failed to establish a new connection: "
        "[Errno -2] Name or service not known'))"
    )
    assert explain(said).message == (
        "`https://nohost.invalid/x-1-py3-none-any.whl` can't be fetched: name or service not known"
    )
