"""mod_wsgi's own aggregated metrics, reported to InfluxDB once a second.

mod_wsgi counts and times requests in C; a thread asks it for what has gathered since
it asked last.
"""

import threading
import time

import influx
import mod_wsgi

EVERY_S = 1.0


def report():
    while True:
        time.sleep(EVERY_S)
        metrics = mod_wsgi.request_metrics()
        if metrics["request_count"]:
            influx.write([influx.metrics(metrics)])


def report_metrics():
    # mod_wsgi records from the first call on.
    mod_wsgi.request_metrics()
    threading.Thread(target=report, daemon=True).start()
