"""Reads the histograms of a bench's result (the file is the argument) with HdrHistogram's library
for Python, and prints for each what the result says and what the library says."""

import json
import sys

from hdrh.histogram import HdrHistogram

with open(sys.argv[1], encoding="utf-8") as file:
    saved = json.load(file)
latencies = saved["result"]["measured"]["latencies"]
for name, key, text in [
    ("connect", "connect_us", latencies["connect"]["corrected"]),
    ("ack", "publish_to_ack_us", latencies["ack_qos1"]["corrected"]),
    ("e2e", "publish_to_delivery_us", latencies["e2e"]["corrected"]),
    ("lateness", "send_lateness_us", latencies["lateness"]),
]:
    histogram = HdrHistogram.decode(text)
    said = saved[key]
    assert histogram.get_total_count() == said["count"], name
    for percentile, figure in [(50, "p50"), (90, "p90"), (99, "p99"), (99.9, "p99_9")]:
        read = histogram.get_value_at_percentile(percentile) / 1e3
        assert abs(read - said[figure]) <= said[figure] / 500, (name, figure, read, said[figure])
    print(f"{name} {said['count']}")
