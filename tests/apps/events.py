"""mod_wsgi's own word on each request: one JSON line, written to a folder.

Callbacks run on the thread that serves the request, before it is free again:
what they take is part of the time that anybody outside sees. So a line is only
noted here, and written by another thread once there has been no request for a
moment: never during a measurement. What the callbacks took is in the line.
"""

import json
import os
import threading
import time

import mod_wsgi

# Of 4.9 and 6.x; only the newer one knows what it waited for the GIL, and the
# CPU of a thread in one figure.
STAMPS = ("request_start", "queue_start", "daemon_start", "application_start", "application_finish")
FIGURES = ("application_time", "cpu_user_time", "cpu_system_time", "gil_wait_time")
QUIET_S = 0.2

lines = []
last = 0.0


def note(name, **event):
    """Called for every event that mod_wsgi publishes."""
    global last
    began = time.monotonic_ns()
    data = event.get("request_data")
    if name == "request_started":
        data["started"] = event
        data["callbacks"] = time.monotonic_ns() - began
    elif name == "request_finished" and "started" in data:
        last = time.monotonic()
        lines.append((data["started"], event, data["callbacks"], began, time.monotonic_ns()))


def plain(started, finished, before, began, ended):
    line = {"path": started["request_environ"]["REQUEST_URI"].split("?")[0]}
    known = {**started, **finished}
    for stamp in STAMPS:
        # Seconds as a float: the microseconds of today's date just fit.
        line[stamp] = round(known[stamp] * 1_000_000)
    for figure in FIGURES:
        line[figure] = known.get(figure)
    line["callbacks_ns"] = before + ended - began
    return line


def write_when_quiet(path):
    while True:
        time.sleep(QUIET_S)
        if lines and time.monotonic() - last > QUIET_S:
            ready = lines[:]
            with open(path, "a") as file:
                file.writelines(json.dumps(plain(*line)) + "\n" for line in ready)
            del lines[: len(ready)]


def log_to(folder):
    mod_wsgi.subscribe_events(note)
    path = os.path.join(folder, f"{os.getpid()}.jsonl")
    threading.Thread(target=write_when_quiet, args=(path,), daemon=True).start()
