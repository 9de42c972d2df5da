"""How fast a coordinator with a large study answers the page, beside Python's file server with the same bytes.

    python bench/page.py build/release/bin/isocost [--cells 100000] [--rounds 40] [--json]

The study is submitted and no worker comes, so its cells are all open. Timed are the page itself and what it asks for
each second (status, events), then a page of its table of cells: the first answer, and the median of the rounds, one
request after another, each on a connection of its own. The peer answers with the same bytes from files, in the same
run.
"""
import argparse
import functools
import http.server
import json
import pathlib
import signal
import socket
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
PATHS = {
    "page": "/",
    "status": "/api/v1/status",
    "events": "/api/v1/events",
    "cells, 100 of them": "/api/v1/experiments/large/cells.csv?limit=100",
}
WAIT = 120  # seconds, for the coordinator to answer at all


def grid_of(cells):
    seeds = max(1, cells // 2500)
    return f"""name: large
axes:
  model: mini/{sorted(p.name for p in (ROOT / "experiments/mini/models").iterdir() if (p / "unet/config.json").exists())[0]}
  sampler: ddim
  steps: {{from: 1, to: 50, count: 50}}
  guidance: {{from: 1, to: 8, count: 50}}
  seed: {{from: 0, to: {seeds - 1}, count: {seeds}}}
prompts: {{world: validation, count: 64}}
images: 64
metrics: [clip_score]
"""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def fetch(url):
    with urllib.request.urlopen(url, timeout=WAIT) as answer:
        return answer.read()


def wait_for(url):
    until = time.monotonic() + WAIT
    while True:
        try:
            return fetch(url)
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def median_ms(url, rounds):
    fetch(url)
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        fetch(url)
        times.append(1000 * (time.perf_counter() - begin))
    return statistics.median(times)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def serve_files(folder):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--cells", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "large.yaml").write_text(grid_of(arguments.cells))
        url = f"http://127.0.0.1:{free_port()}"
        coordinator = subprocess.Popen(
            [arguments.program, "coordinator", "--db", folder / "isocost.db", "--log", folder / "coordinator.log",
             "--listen", f"tcp://127.0.0.1:{free_port()}", "--http", url], stdout=subprocess.DEVNULL)
        try:
            wait_for(url + "/healthz")
            begin = time.perf_counter()
            subprocess.run([arguments.program, "submit", "--quiet", "--coordinator", url, folder / "large.yaml"],
                           check=True, stdout=subprocess.DEVNULL)
            submitted = time.perf_counter() - begin
            files = folder / "files"
            files.mkdir()
            peer = serve_files(files)
            rows = []
            for i, (what, path) in enumerate(PATHS.items()):
                begin = time.perf_counter()
                answer = fetch(url + path)
                first = 1000 * (time.perf_counter() - begin)
                (files / str(i)).write_bytes(answer)
                ours, theirs = median_ms(url + path, arguments.rounds), median_ms(f"{peer}/{i}", arguments.rounds)
                rows.append({"answer": what, "bytes": len(answer), "first_ms": first, "isocost_ms": ours, "http_server_ms": theirs,
                             "ratio": theirs / ours})
            memory = next(line for line in pathlib.Path(f"/proc/{coordinator.pid}/status").read_text().splitlines()
                          if line.startswith("VmHWM"))
        finally:
            coordinator.send_signal(signal.SIGTERM)
            coordinator.wait(timeout=WAIT)
    if arguments.json:
        print(json.dumps({"cells": arguments.cells, "submit_seconds": submitted, "answers": rows}))
        return
    print(f"{arguments.cells:,} cells, submitted in {submitted:.1f} s; memory at most {memory.split()[1]} kB")
    print(f"{'answer':<22}{'bytes':>10}{'first':>10}{'isocost':>10}{'http.server':>13}{'ratio':>8}   milliseconds")
    for row in rows:
        print(f"{row['answer']:<22}{row['bytes']:>10,}{row['first_ms']:>10.1f}{row['isocost_ms']:>10.2f}{row['http_server_ms']:>13.2f}"
              f"{row['ratio']:>8.2f}")


if __name__ == "__main__":
    main()
