"""A member of the workspace: code, not a package."""

import six

VERSION = six.__version__
