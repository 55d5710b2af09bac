"""The project's own package."""

import six

VERSION = six.__version__
