"""The application with nothing around it."""

import os
import sys

sys.path.insert(0, os.path.dirname(__file__))

from hello import application  # noqa: E402, F401
