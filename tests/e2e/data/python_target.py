#!/usr/bin/python3
"""A target of python3-prometheus-client: fixed values, with exemplars, on the port given."""
import sys
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import (CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, Summary)
from prometheus_client.exposition import make_wsgi_app


class Quiet(WSGIRequestHandler):
    def log_message(self, format, *args):
        pass


registry = CollectorRegistry()
counter = Counter("py_requests", "Requests, with \"quotes\" and a \\ in the help.", ["path"],
                  registry=registry)
counter.labels("/a\"b\\c\n").inc(3, {"trace_id": "abc"})
counter.labels("/\u00fc").inc(0.5)
Gauge("py_temperature_celsius", "Negative.", registry=registry).set(-7.25)
histogram = Histogram("py_latency_seconds", "Latency.", buckets=(0.1, 1, 10), registry=registry)
for value in (0.05, 0.5, 0.5, 5, 50):
    histogram.observe(value, {"trace_id": "t%g" % value})
summary = Summary("py_size_bytes", "Size.", registry=registry)
summary.observe(10)
summary.observe(20)
Info("py_build", "Build.", registry=registry).info({"version": "1.2.3"})
Enum("py_state", "State.", states=["on", "off"], registry=registry).state("off")

server = make_server("127.0.0.1", int(sys.argv[1]), make_wsgi_app(registry), handler_class=Quiet)
threading.Thread(target=server.serve_forever).start()
