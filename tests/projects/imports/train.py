"""No file says what this needs."""

import json

import idna
from dateutil import parser

from own.model import NAME

print(json.dumps([NAME, idna.__version__, parser.__name__]))
