"""The application, and mod_wsgi's own events reported in batches."""

import os
import sys

sys.path.insert(0, os.path.dirname(__file__))

import events  # noqa: E402
from hello import application  # noqa: E402, F401

events.report_in_batches()
