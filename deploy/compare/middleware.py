"""A WSGI middleware that reports each request to InfluxDB when it is closed.

mod_wsgi calls `close()` after the last piece was written, so the time includes
generators and a slow client, unlike the decorator's.
"""

import time

import influx


class Reported:
    def __init__(self, application, report=influx.write):
        self.application = application
        self.report = report

    def __call__(self, environ, start_response):
        began = time.perf_counter()
        return Response(self.application(environ, start_response), began, self.report)


class Response:
    def __init__(self, pieces, began, report):
        self.pieces = pieces
        self.began = began
        self.report = report

    def __iter__(self):
        return iter(self.pieces)

    def close(self):
        try:
            if hasattr(self.pieces, "close"):
                self.pieces.close()
        finally:
            took = time.perf_counter() - self.began
            self.report([influx.point(took, time.time_ns())])
