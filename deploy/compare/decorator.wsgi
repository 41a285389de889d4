"""The application, each call of it timed and reported by a decorator."""

import os
import sys

sys.path.insert(0, os.path.dirname(__file__))

import hello  # noqa: E402
from decorator import reported  # noqa: E402

application = reported(hello.application)
