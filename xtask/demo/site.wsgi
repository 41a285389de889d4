"""A small site in which every request has a reason to take its time."""

import json
import time


def home(environ):
    return "200 OK", [b"hello\n"]


def user(environ):
    number = environ["PATH_INFO"].rsplit("/", 1)[1]
    return "200 OK", [json.dumps({"id": number}).encode()]


def search(environ):
    """Waits, as for a database."""
    time.sleep(0.12)
    return "200 OK", [b"nothing found\n"]


def report(environ):
    """Burns about 20 ms of CPU."""
    until = time.thread_time() + 0.02
    total = 0
    while time.thread_time() < until:
        total += sum(range(200))
    return "200 OK", [str(total).encode()]


def export(environ):
    """Sends its answer piece by piece."""

    def pieces():
        for number in range(5):
            yield f"piece {number}\n".encode() * 200
            time.sleep(0.02)

    return "200 OK", pieces()


def upload(environ):
    body = environ["wsgi.input"].read()
    return "201 Created", [str(len(body)).encode()]


def checkout(environ):
    raise RuntimeError("the demo's own failure")


ROUTES = {
    "": home,
    "users": user,
    "search": search,
    "report": report,
    "export": export,
    "upload": upload,
    "checkout": checkout,
}


def application(environ, start_response):
    first = environ["PATH_INFO"].split("/")[1]
    view = ROUTES.get(first)
    if view is None:
        status, body = "404 Not Found", [b"no such page\n"]
    else:
        status, body = view(environ)
    start_response(status, [("Content-Type", "text/plain")])
    return body
