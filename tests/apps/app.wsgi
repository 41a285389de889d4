"""The application under test: the first segment of the path says what to do.

The rest of the path is the request's unique id, so that the access log and
wsgiprobe's report can be matched one by one.
"""

import os
import socket
import sys
import time
from http.client import HTTPConnection

sys.path.insert(0, os.path.dirname(__file__))

import gates  # noqa: E402


def hello(environ):
    return "200 OK", b"hello\n"


def read(environ):
    """Reads the whole body and tells its length."""
    source, total = environ["wsgi.input"], 0
    while piece := source.read(65536):
        total += len(piece)
    return "200 OK", b"%d" % total


def status(environ):
    code = environ["PATH_INFO"].split("/")[2]
    return f"{code} As Asked", b"" if code in ("204", "304") else b"as asked\n"


def slow(environ):
    time.sleep(int(environ["PATH_INFO"].split("/")[2]) / 1000)
    return "200 OK", b"slow\n"


def held(environ):
    """Does not answer before it is told to."""
    gates.wait(environ)
    return "200 OK", b"held\n"


def big(environ):
    return "200 OK", bytes(5_000_000)


def crash(environ):
    raise RuntimeError("as asked")


def upstream(environ):
    """Is a client itself: of an HTTP server, and of one that is not."""
    web = HTTPConnection("127.0.0.1", int(os.environ["UPSTREAM_HTTP"]))
    web.request("GET", "/upstream-of" + environ["PATH_INFO"])
    body = web.getresponse().read()
    web.close()
    with socket.create_connection(("127.0.0.1", int(os.environ["UPSTREAM_REDIS"]))) as redis:
        redis.sendall(b"*1\r\n$4\r\nPING\r\n")
        body += redis.recv(64)
    return "200 OK", body


def chunked(environ, start_response):
    """No Content-Length: Apache answers chunked, or closes for HTTP/1.0."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"first piece\n", b"second piece\n", b"third\n"]


def stream(environ, start_response):
    """40 pieces over 2 seconds."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    for number in range(40):
        yield b"piece %d\n" % number
        time.sleep(0.05)


def asynchronous(environ, start_response):
    """Sends the head and one piece, then waits until told to go on."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"begun\n"
    gates.wait(environ)
    yield b"done\n"


WHOLE = {function.__name__: function for function in (hello, read, status, slow, held, big, crash, upstream)}
STREAMED = {"chunked": chunked, "stream": stream, "gate": asynchronous}


def application(environ, start_response):
    name = environ["PATH_INFO"].split("/")[1]
    if name in STREAMED:
        return STREAMED[name](environ, start_response)
    answer, body = WHOLE.get(name, hello)(environ)
    headers = [("Content-Type", "text/plain")]
    if not answer.startswith(("204", "304")):
        headers.append(("Content-Length", str(len(body))))
    start_response(answer, headers)
    return [body]
