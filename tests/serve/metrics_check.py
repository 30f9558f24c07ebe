#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""metrics_check.py BUILD SOURCE: /metrics of a running `weir run`, read by the parser that Prometheus' own client has.

Held against it, both ways: docs/reference/metrics.md; and every metric that packaging/grafana and packaging/prometheus
ask for must be there. BUILD has weir and its examples, SOURCE is the repository. Exit 77: the parser is not installed.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request

try:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
except ImportError:
    print("python3-prometheus-client is not here")
    sys.exit(77)

BUILD, SOURCE = sys.argv[1], sys.argv[2]
NAME = 'a "name" \\ with #, {} and ünïcode'
failures = []


def check(is_so, words):
    if not is_so:
        failures.append(words)


class Job:
    """A job in a directory of its own, with REST on a free port."""

    def __init__(self, place, *more):
        environment = dict(os.environ, WEIR_RUNTIME_DIR=os.path.join(place, "run"))
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "weir"), "run", "-p", "2", "-D", "rest.port=0", "-D", "pipeline.name=" + NAME,
             "-D", "execution.checkpointing.interval=50ms", "-D", "execution.checkpointing.dir=checkpoints", *more,
             os.path.join(BUILD, "examples", "sequence_sum.so"), "--output", "output", "--events", "100000000",
             "--rate", "20000"],
            cwd=place, env=environment, stderr=subprocess.PIPE, text=True)
        self.url = None
        for line in self.process.stderr:
            if "REST: " in line:
                self.url = line.split("REST: ")[1].strip()
                break
        if self.url is None:
            raise SystemExit("the job did not say where its REST is")

    def scrape(self):
        with urllib.request.urlopen(self.url + "/metrics") as answer:
            content_type = answer.headers["Content-Type"]
            check(content_type == "application/openmetrics-text; version=1.0.0; charset=utf-8",
                  "content type " + content_type)
            return answer.read().decode("utf-8")

    def scrape_until(self, sample):
        """The first page on which that sample is above 0: the parser's view of it, by family."""
        while True:
            families = {family.name: family for family in text_string_to_metric_families(self.scrape())}
            if any(s.name == sample and s.value > 0 for family in families.values() for s in family.samples):
                return families

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.stderr.read()
        check(self.process.wait() == 0, "weir run did not stop well")


def documented():
    """Family -> (type, labels), from the rows `| `name` | type | labels | ...` of the reference."""
    rows = {}
    with open(os.path.join(SOURCE, "docs/reference/metrics.md"), encoding="utf-8") as page:
        for line in page:
            row = re.match(r"\| `(weir_[a-z_]+)` \| ([a-z]+) \| ([^|]*) \|", line)
            if row:
                check(row[1] not in rows, row[1] + " is documented twice")
                rows[row[1]] = (row[2], frozenset(re.findall(r"`([a-z_]+)`", row[3])))
    return rows


def check_documented(families):
    rows = documented()
    check(set(rows) == set(families), "documented and exported differ: %s" % sorted(set(rows) ^ set(families)))
    for name, family in families.items():
        kind, labels = rows.get(name, (None, frozenset()))
        check(kind == family.type, "%s is a %s, documented as %s" % (name, family.type, kind))
        for sample in family.samples:
            has = frozenset(sample.labels) - ({"le"} if family.type == "histogram" else set())
            check(has == labels, "%s has the labels %s, documented are %s" % (name, sorted(has), sorted(labels)))


def check_samples(families):
    for name, family in families.items():
        check(bool(family.documentation), name + " has no help")
        seen = set()
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            check(key not in seen, "%s twice" % (key,))
            seen.add(key)
            check(sample.labels.get("job", NAME) == NAME, "%s: the job's name is %s" % (name, sample.labels.get("job")))
    with_samples = {name for name, family in families.items() if family.samples}
    empty = set(families) - with_samples
    check(empty <= {"weir_watermark_timestamp_seconds"}, "without a sample: %s" % sorted(empty))


def sample_names(families):
    """Every name under which a query may ask."""
    suffixes = {"counter": ["_total"], "info": ["_info"], "histogram": ["_bucket", "_count", "_sum"]}
    return {name + suffix for name, family in families.items() for suffix in suffixes.get(family.type, [""])}


def check_asked(families):
    names = sample_names(families)
    asked = 0
    with open(os.path.join(SOURCE, "packaging/grafana/weir.json"), encoding="utf-8") as page:
        text = page.read()
        json.loads(text)
        places = [("packaging/grafana/weir.json", text)]
    with open(os.path.join(SOURCE, "packaging/prometheus/alerts.yaml"), encoding="utf-8") as page:
        places.append(("packaging/prometheus/alerts.yaml", page.read()))
    for place, text in places:
        for name in set(re.findall(r"\bweir_[a-z_]+[a-z]\b", text)):
            asked += 1
            check(name in names, "%s asks for %s, which is not exported" % (place, name))
    check(asked > 20, "only %d metrics are asked for" % asked)


def main():
    place = tempfile.mkdtemp(prefix="weir-metrics-")
    try:
        job = Job(place)
        job.scrape_until("weir_checkpoint_duration_seconds_count")
        job.stop()
        job = Job(place, "-s", "latest:checkpoints")
        families = job.scrape_until("weir_checkpoint_duration_seconds_count")
        restored = families["weir_restored_checkpoint"].samples[0].value
        check(restored >= 1, "restored from %d" % restored)
        check_documented(families)
        check_samples(families)
        check_asked(families)
        job.stop()
    finally:
        shutil.rmtree(place)
    for words in failures:
        print("metrics_check:", words)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
