"""mod_wsgi's own events, reported to InfluxDB once a second.

The callback, which runs on the thread that serves the request, only notes what
mod_wsgi measured; another thread makes points of it and writes them.
"""

import threading
import time

import influx
import mod_wsgi

EVERY_S = 1.0

noted = []


def note(name, **event):
    """Called for every event that mod_wsgi publishes."""
    if name == "request_finished":
        noted.append((event["application_time"], event["application_finish"]))


def points(batch):
    """mod_wsgi's stamps are of microseconds. The number behind them keeps
    requests apart that ended in the same one."""
    for number, (took, ended) in enumerate(batch):
        yield influx.point(took, int(ended * 1e6) * 1000 + number % 1000)


def write_batches():
    while True:
        time.sleep(EVERY_S)
        if batch := noted[:]:
            del noted[: len(batch)]
            influx.write(points(batch))


def report_in_batches():
    mod_wsgi.subscribe_events(note)
    threading.Thread(target=write_batches, daemon=True).start()
