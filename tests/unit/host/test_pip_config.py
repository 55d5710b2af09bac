"""pip's configuration as pip sees it, and what goes into a container of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from snapshot.errors import HostError, UsageError
from snapshot.host import pip_config
from snapshot.host.pip_config import PipConfig, equip, read, strip_credentials


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    folder = tmp_path / "etc"
    folder.mkdir()
    return folder


def user_file(home: Path, text: str) -> None:
    path = home / ".config" / "pip" / "pip.conf"
    path.parent.mkdir(parents=True)
    path.write_text(text)


def test_strongest_source_wins(home: Path, etc: Path) -> None:
    (etc / "pip.conf").write_text("[global]\ntimeout = 1\nindex-url = https://global/\nproxy = http://proxy\n")
    user_file(home, "[global]\nindex-url = https://user/\n[install]\nfind_links = /a\n  /b\n")
    found = read({"PIP_FIND_LINKS": "/c /d", "VIRTUAL_ENV": str(home)}, home=home, etc=etc)
    assert found.options["index-url"] == "https://user/"
    assert found.options["timeout"] == "1"
    assert found.options["proxy"] == "http://proxy"
    assert found.listed("find-links") == ("/c", "/d")


def test_the_install_section_wins_over_global(home: Path, etc: Path) -> None:
    (etc / "pip.conf").write_text("[install]\nindex-url = https://install/\n")
    user_file(home, "[global]\nindex-url = https://user/\n[download]\nindex-url = https://download/\n")
    assert read({}, home=home, etc=etc).options["index-url"] == "https://install/"


def test_a_named_file_takes_the_place_of_the_users(home: Path, etc: Path, tmp_path: Path) -> None:
    user_file(home, "[global]\nindex-url = https://user/\ntimeout = 3\n")
    named = tmp_path / "named.conf"
    named.write_text("[global]\nindex-url = https://named/\n")
    found = read({"PIP_CONFIG_FILE": str(named)}, home=home, etc=etc)
    assert dict(found.options) == {"index-url": "https://named/"}


def test_the_null_device_switches_all_files_off(home: Path, etc: Path) -> None:
    (etc / "pip.conf").write_text("[global]\ntimeout = 1\n")
    assert not read({"PIP_CONFIG_FILE": "/dev/null"}, home=home, etc=etc).options


def test_the_virtual_environments_file(home: Path, etc: Path, tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nno-index = true\n")
    assert read({"VIRTUAL_ENV": str(tmp_path)}, home=home, etc=etc).options["no-index"] == "true"


def test_what_only_concerns_installing_is_left_out(home: Path, etc: Path) -> None:
    environment = {"PIP_TARGET": "/x", "PIP_USER": "1", "PIP_DEFAULT_TIMEOUT": "180", "PIP_INDEX_URL": ""}
    assert dict(read(environment, home=home, etc=etc).options) == {"timeout": "180"}


def test_agrees_with_pip_itself(home: Path, etc: Path) -> None:
    user_file(home, "[global]\nextra-index-url = https://a/ \n  https://b/\ntrusted_host = a\n[install]\npre = yes\n")
    environment = {"HOME": str(home), "PIP_RETRIES": "2", "PIP_EXTRA_INDEX_URL": "https://c/"}
    said = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], env=environment, text=True, capture_output=True, check=True
    ).stdout
    for key, value in read(environment, home=home).options.items():
        # pip names files' and variables' options apart; the strongest that it lists is ours.
        lines = [line for line in said.splitlines() if line.split("=")[0].split(".")[-1].strip("'") == key]
        shown = lines[0].split("=", 1)[1] if key != "extra-index-url" else f"'{value}'"
        assert eval(shown) == value


def test_a_malformed_file_is_named_without_its_secrets(home: Path, etc: Path) -> None:
    user_file(home, "index-url = https://ada:s3cret@host/\n")
    with pytest.raises(UsageError, match="malformed") as caught:
        read({}, home=home, etc=etc)
    assert "s3cret" not in f"{caught.value.message}{caught.value.hint}"


def test_certificates_from_pip_or_from_requests(home: Path, etc: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.pem", tmp_path / "two.pem"
    one.touch(), two.touch()
    environment = {"REQUESTS_CA_BUNDLE": str(two)}
    assert read(environment, home=home, etc=etc).bundle == two
    assert read(environment | {"PIP_CERT": str(one)}, home=home, etc=etc).bundle == one


def test_certificates_that_are_not_there(home: Path, etc: Path) -> None:
    with pytest.raises(HostError, match="is not there"):
        read({"PIP_CERT": "/no/such.pem"}, home=home, etc=etc)


def test_proxies_and_netrc(home: Path, etc: Path) -> None:
    (home / ".netrc").write_text("machine host login ada password s3cret\n")
    environment = {"HTTPS_PROXY": "http://u:p@proxy:3128", "no_proxy": "localhost", "PATH": "/bin"}
    found = read(environment, home=home, etc=etc)
    assert dict(found.proxies) == {"HTTPS_PROXY": "http://u:p@proxy:3128", "no_proxy": "localhost"}
    assert found.netrc == home / ".netrc"


def test_equipment_holds_files_read_only_and_secrets_in_text_only(tmp_path: Path) -> None:
    for name in ("wheels", "index/simple", "project"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "ca.pem").touch()
    (tmp_path / "netrc").touch()
    config = PipConfig(
        options={
            "index-url": "https://ada:s3cret@host/simple",
            "extra-index-url": f"file://{tmp_path}/index/simple",
            "find-links": f"{tmp_path}/wheels\n../wheels\nhttps://host/links",
        },
        proxies={"HTTPS_PROXY": "http://u:p4ss@proxy"},
        bundle=tmp_path / "ca.pem",
        netrc=tmp_path / "netrc",
    )
    found = equip(config, root=tmp_path / "project")
    assert all(mount.read_only for mount in found.mounts)
    assert {mount.target for mount in found.mounts} == {
        "/snap/certificates",
        "/snap/netrc",
        f"{tmp_path}/wheels",
        f"{tmp_path}/index",
    }
    assert "s3cret" in found.configuration
    assert found.environment == {"HTTPS_PROXY": "http://u:p4ss@proxy", "NETRC": "/snap/netrc"}
    assert not any(secret in mount.argument() for mount in found.mounts for secret in ("s3cret", "p4ss"))


def test_pip_reads_the_configuration_that_is_handed_over(tmp_path: Path) -> None:
    options = {"index-url": "https://ada:50%@host/simple", "find-links": "/a\n/b", "timeout": "7"}
    (tmp_path / "pip.conf").write_text(equip(PipConfig(options=options), root=tmp_path).configuration)
    again = read({"PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}, home=tmp_path, etc=tmp_path / "none")
    assert dict(again.options) == options


def test_folders_that_are_not_there_are_not_mounted(tmp_path: Path) -> None:
    config = PipConfig(options={"find-links": "/no/such/folder", "extra-index-url": "file:///no/such/index"})
    assert equip(config, root=tmp_path).mounts == ()


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("https://ada:s3cret@host:8080/simple/", "https://host:8080/simple/"),
        ("https://token@host/simple", "https://host/simple"),
        ("https://ada:p@ss@host/simple", "https://host/simple"),
        ("--extra-index-url https://ada:p%40ss@host/x numpy", "--extra-index-url https://host/x numpy"),
        ("git+https://tok@host/x and http://a:b@c/", "git+https://host/x and http://c/"),
        ("https://host/simple/a@b", "https://host/simple/a@b"),
        ("numpy @ https://host/numpy.whl", "numpy @ https://host/numpy.whl"),
    ],
)
def test_credentials_are_stripped(text: str, clean: str) -> None:
    assert strip_credentials(text) == clean


def test_lists_are_those_that_pip_splits() -> None:
    assert set(pip_config.LISTS) <= set(pip_config.OPTIONS)
