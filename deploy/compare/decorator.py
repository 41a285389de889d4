"""A decorator that reports each call to InfluxDB before it returns.

It times the call alone: a generator has done nothing yet when it is returned.
"""

import functools
import time

import influx


def reported(application):
    @functools.wraps(application)
    def timed(environ, start_response):
        began = time.perf_counter()
        try:
            return application(environ, start_response)
        finally:
            took = time.perf_counter() - began
            influx.write([influx.point(took, time.time_ns())])

    return timed
