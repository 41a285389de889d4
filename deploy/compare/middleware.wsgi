"""The application in a middleware that reports when the response is closed."""

import os
import sys

sys.path.insert(0, os.path.dirname(__file__))

import hello  # noqa: E402
from middleware import Reported  # noqa: E402

application = Reported(hello.application)
