"""What of the host's apt configuration goes along, and what does not."""

from snapshot.host.apt_config import AptConfig, access, settings
from snapshot.host.download import Access

DUMP = """\
APT::Architecture "amd64";
Acquire::Retries "3";
Acquire::http::Proxy "http://user:secret@proxy.example:3128/";
Acquire::http::Proxy::mirror.example "DIRECT";
Acquire::https::Proxy "DIRECT";
Acquire::http::Proxy-Auto-Detect "/usr/local/bin/detect";
Acquire::https::CaInfo "/etc/company.pem";
Acquire::https::Verify-Peer "false";
Acquire::AllowInsecureRepositories "true";
Acquire::Check-Valid-Until "false";
Acquire::http::Pipeline-Depth "0";
Acquire::http::Timeout "";
Acquire::Languages:: "none";
DPkg::Post-Invoke:: "rm -rf /";
"""


def test_what_is_about_reaching_archives_is_kept() -> None:
    assert settings(DUMP) == {
        "Acquire::Retries": "3",
        "Acquire::http::Proxy": "http://user:secret@proxy.example:3128/",
        "Acquire::http::Proxy::mirror.example": "DIRECT",
        "Acquire::https::Proxy": "DIRECT",
        "Acquire::Check-Valid-Until": "false",
        "Acquire::http::Pipeline-Depth": "0",
    }


def test_downloads_use_apts_proxy_and_credentials() -> None:
    config = AptConfig(settings=settings(DUMP), archives=("https://me:pw@mirror.example/debian/",))
    found = access(config, Access(proxies={"https": "http://pips.example"}, indexes=("https://index.example",)))
    assert found.proxies == {
        "http": "http://user:secret@proxy.example:3128/",
        "https": "http://pips.example",
    }
    assert found.with_credentials("https://mirror.example/debian/pool/x.deb").startswith("https://me:pw@mirror")
    assert "https://index.example" in found.indexes


def test_without_apt_nothing_changes() -> None:
    assert access(AptConfig(), Access()) == Access()
    assert settings("") == {}
