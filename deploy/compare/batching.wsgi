"""The application in a middleware that reports in batches."""

import os
import sys

sys.path.insert(0, os.path.dirname(__file__))

import hello  # noqa: E402
from batching import batched  # noqa: E402

application = batched(hello.application)
