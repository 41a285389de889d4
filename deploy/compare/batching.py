"""The middleware's points, kept and written once a second by a thread.

What is noted while the thread that serves the request runs is all that the request
pays for by itself; the thread that writes still wants the interpreter's lock.
"""

import threading
import time

import influx
from middleware import Reported

EVERY_S = 1.0

noted = []


def write_batches():
    while True:
        time.sleep(EVERY_S)
        if batch := noted[:]:
            del noted[: len(batch)]
            influx.write(batch)


def batched(application):
    threading.Thread(target=write_batches, daemon=True).start()
    return Reported(application, noted.extend)
