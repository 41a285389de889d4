"""An application that tells what each request did to it, as JSON.

The first segment of the path says what to do, the second how much of it; the
rest is the request's unique id. What it says is measured by the serving thread
itself, with the clocks that the kernel keeps: it is the truth that wsgiprobe's
figures are compared with.
"""

import json
import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(__file__))

import gates  # noqa: E402
import waits  # noqa: E402

EVENTS = os.path.join(os.path.dirname(os.path.dirname(__file__)), "events")
if os.path.isdir(EVENTS):
    import events

    events.log_to(EVENTS)


def hello(environ, amount):
    pass


def held(environ, amount):
    """Does not answer before it is told to."""
    gates.wait(environ)


def burn(environ, amount):
    """So many microseconds of CPU."""
    end = time.thread_time_ns() + int(amount) * 1000
    while time.thread_time_ns() < end:
        pass


def read(environ, amount):
    """Reads the whole body."""
    while environ["wsgi.input"].read(65536):
        pass


class Closing:
    """Goes on once the whole answer is out, until it is told to end."""

    def __init__(self, body, environ):
        self.pieces, self.environ = iter([body]), environ

    def __iter__(self):
        return self.pieces

    def close(self):
        gates.wait(self.environ)


WHOLE = {"hello": hello, "held": held, "burn": burn, "read": read, "closing": hello, **waits.ROUTES}


class Measured:
    """What happened between `begin` and `end`, for the answer."""

    def __init__(self, environ):
        self.group = environ["mod_wsgi.process_group"]
        self.wall, self.cpu = time.monotonic_ns(), time.thread_time_ns()

    def answer(self):
        cpu, wall = time.thread_time_ns() - self.cpu, time.monotonic_ns() - self.wall
        who = {"pid": os.getpid(), "tid": threading.get_native_id(), "group": self.group}
        return json.dumps({**who, "wall": wall, "cpu": cpu}).encode()


def stream(measured, amount):
    """Ten pieces, so many milliseconds apart."""
    for _ in range(10):
        yield b" "
        time.sleep(int(amount) / 1000)
    yield measured.answer()


def large(measured, amount):
    """So many kilobytes, for clients that do not keep up."""
    yield bytes(int(amount) * 1024).replace(b"\0", b" ")
    yield measured.answer()


STREAMED = {"stream": stream, "large": large}


def application(environ, start_response):
    _, name, amount = environ["PATH_INFO"].split("/")[:3]
    headers = [("Content-Type", "application/json")]
    measured = Measured(environ)
    if name in STREAMED:
        start_response("200 OK", headers)
        return STREAMED[name](measured, amount)
    WHOLE[name](environ, amount)
    body = measured.answer()
    start_response("200 OK", [*headers, ("Content-Length", str(len(body)))])
    return Closing(body, environ) if name == "closing" else [body]
