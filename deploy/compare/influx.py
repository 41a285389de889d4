"""Points for InfluxDB 1.x, over HTTP, with nothing but the standard library.

`INFLUX_URL` and `INFLUX_DB` say where to. A thread keeps its connection: a new
one for each point, as client libraries often do it, would cost more still.
"""

import os
import socket
import threading
import time
from http.client import HTTPConnection, HTTPException
from urllib.parse import quote, urlsplit

SERVER = urlsplit(os.environ.get("INFLUX_URL", "http://127.0.0.1:8086")).netloc
TARGET = "/write?precision=ns&db=" + quote(os.environ.get("INFLUX_DB", "wsgi"))
TIMEOUT_S = 5


def _tag(text):
    """As the line protocol wants the characters that mean something in it."""
    for meaning in ("\\", ",", "=", " "):
        text = text.replace(meaning, "\\" + meaning)
    return text


HOST = socket.gethostname()
TAGS = f"hostname={_tag(HOST)},process={_tag(f'{HOST}:{os.getpid()}')}"

_of_thread = threading.local()


def point(application_time, ended_ns):
    """A request that took so many seconds, and ended then on the wall clock."""
    return f"raw-requests,{TAGS} application_time={application_time!r} {ended_ns}"


def metrics(metrics):
    """What `mod_wsgi.request_metrics()` returns."""
    return (
        f"request-metrics,{TAGS} request_count={metrics['request_count']}i,"
        f"application_time={metrics['application_time']!r} {time.time_ns()}"
    )


def write(points):
    """Returns once InfluxDB has them. An application must not fail because its
    metrics did: points that cannot be written are dropped."""
    body = "\n".join(points).encode()
    try:
        if not hasattr(_of_thread, "connection"):
            _of_thread.connection = HTTPConnection(SERVER, timeout=TIMEOUT_S)
        _of_thread.connection.request("POST", TARGET, body)
        _of_thread.connection.getresponse().read()
    except (OSError, HTTPException):
        # Closed, so that the next request opens it anew.
        _of_thread.connection.close()
