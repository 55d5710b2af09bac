"""What a report, which is made to be passed on, does not say: values of variables that look like secrets."""

from __future__ import annotations

import re

_NAMES = re.compile(r"key|token|secret|passw|credential|auth", re.IGNORECASE)


def value(name: str, found: str) -> str:
    """The value of an environment variable, or how it begins where its name or the value says that it is a secret."""
    from snapshot.share.secrets.scan import masked, scan

    is_secret = len(found) > 3 and (_NAMES.search(name) or scan("environment", f'{name}="{found}"\n'.encode()))
    return f"{masked(found)}, not shown" if is_secret else found
