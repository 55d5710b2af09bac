"""The secret scan: gitleaks' rules as Python runs them, names of files, and what is shown of a find.

Keys are put together here so that no scanner, ours included, takes this file for a leak.
"""

from __future__ import annotations

import pytest

from snapshot.share.secrets.re2 import compiled, translated
from snapshot.share.secrets.rules import rules
from snapshot.share.secrets.scan import entropy, scan

AWS = "AKIA" + "QYLPMN5HFXJ2TR4W"
PRIVATE = (
    "-----BEGIN RSA PRIVATE " + "KEY-----\n" + "MIIEpAIBAAKCAQEA7bq1Zt0x\n" * 8 + "-----END RSA PRIVATE " + "KEY-----\n"
)


def found(text: str, path: str = "train.py") -> list[tuple[str, int]]:
    return [(each.rule, each.line) for each in scan(path, text.encode())]


def test_every_rule_of_gitleaks_compiles() -> None:
    assert len(rules()) == 222
    assert [rule.name for rule in rules() if rule.pattern is None] == ["pkcs12-file"]


def test_aws_key_is_found_with_its_line_and_not_shown() -> None:
    secret = next(each for each in scan("src/train.py", f"import os\n\nkey = '{AWS}'\n".encode()) if "aws" in each.rule)
    assert secret.fingerprint == "src/train.py:aws-access-token:3"
    assert secret.masked == "AKIA… (20 characters)"
    assert AWS not in repr(secret)


def test_private_key_is_found_also_in_the_json_of_a_notebook() -> None:
    assert ("private-key", 2) in found("x = 1\n" + PRIVATE)
    assert ("private-key", 1) in found('{"source": "' + PRIVATE.replace("\n", "\\n") + '"}', "a.ipynb")


def test_example_of_the_manual_is_no_secret() -> None:
    assert found("key = 'AKIAIOSFODNN7" + "EXAMPLE'\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "import numpy as np\nrng = np.random.default_rng(7)\nprint('loss', 0.25)\n",
        'token = "aaaaaaaaaaaaaaaaaaaaaaaa"\n',
        "numpy==2.1.3 --hash=sha256:" + "0123456789abcdef" * 4 + "\n",
        "tokenizer_key = 'input_ids'\n",
    ],
)
def test_ordinary_code_is_quiet(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    "path",
    [".env", "conf/.env", ".env.local", "prod.env", "id_rsa", "ssh/id_ed25519", "a/server.pem", "cert.P12", ".netrc",
     ".pypirc", "kubeconfig", ".aws/credentials", ".docker/config.json"],
)  # fmt: skip
def test_names_that_hold_secrets(path: str) -> None:
    assert ("file-name", 0) in found("", path)


@pytest.mark.parametrize(
    "path", ["environment.py", "model.env.py", "credentials.py", "monkey.py", "id_rsa.txt", "config.json"]
)
def test_names_that_only_look_alike(path: str) -> None:
    assert found("", path) == []


def test_path_on_gitleaks_own_allow_list_is_looked_at_all_the_same() -> None:
    assert found(f"k = '{AWS}'\n", "node_modules/a.js") == [("aws-access-token", 1)]


def test_text_of_binary_files_is_not_looked_at_but_utf16_and_broken_utf8_are() -> None:
    assert scan("weights.bin", b"\0\0" + AWS.encode()) == ()
    assert [each.rule for each in scan("a.txt", f"k = '{AWS}'\n".encode("utf-16"))] == ["aws-access-token"]
    assert [each.rule for each in scan("a.txt", b"\xff\xfe\xfd"[2:] + f" '{AWS}'\n".encode())] == ["aws-access-token"]


def test_empty_file_and_a_long_line_without_end() -> None:
    assert found("") == []
    assert found("key = " + "x" * 20_000) == []


def test_entropy_is_bits_for_a_character() -> None:
    assert entropy("") == 0
    assert entropy("aaaa") == 0
    assert entropy("abcd") == 2


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (r"p8e-(?i)[a-z]{3}", r"p8e-(?i:[a-z]{3})"),
        (r"(a(?i)b|c)d", r"(a(?i:b)|(?i:c))d"),
        (r"[(|]\(\z", r"[(|]\(\Z"),
        (r"[[:alnum:]_]", r"[0-9A-Za-z_]"),
        (r"[^]a]", r"[^]a]"),
    ],
)
def test_expressions_of_re2(expression: str, expected: str) -> None:
    assert translated(expression) == expected


def test_flags_last_until_their_group_ends() -> None:
    pattern = compiled(r"(?:x(?i)y|z)w")
    assert pattern.search("xYw") and pattern.search("Zw")
    assert not pattern.search("Xyw") and not pattern.search("xyW")
