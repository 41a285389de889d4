"""The application, and mod_wsgi's aggregated metrics of it."""

import os
import sys

sys.path.insert(0, os.path.dirname(__file__))

import metrics  # noqa: E402
from hello import application  # noqa: E402, F401

metrics.report_metrics()
