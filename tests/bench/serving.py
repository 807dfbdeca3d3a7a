"""What serving costs, and what one model for all heads saves against one per head.

    make bench-serve

Builds its models from a sample of the real flights with `multihead run`, which takes some minutes at first; what is in
the work folder is used again. Then:

1. clients ask `multihead serve` for single rows while three new versions are pushed, and every answer is compared with
   that of the version it names; beside it, the same rows go straight to the loaded SavedModel, one by one, from as many
   threads of one process;
2. one model with three heads and three models with one head each, every one in a server of its own, answer the same
   rows in turn.
"""

import argparse
import concurrent.futures
import contextlib
import functools
import http.client
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import yaml
from rich.console import Console
from rich.table import Table

import schema
from components.pusher import serving
from components.servable import Servable
from pipeline.datasets import make_dataset
from pipeline.serve import protocol
from schema.contract import load_contract

MULTIHEAD = Path(sys.executable).with_name("multihead")
FLIGHTS = Path(schema.__file__).parent / "flights"
HEADS = tuple(load_contract(FLIGHTS).task.heads)
VERSIONS = 4  # The first, and the three that are pushed meanwhile.
TOLERANCE = 1e-5
SMALL = ["--set=training.epochs=2", "--set=training.batch_size=256", *(f"--set=gates.{head}=none" for head in HEADS)]
console = Console(highlight=False)


def prepare(work, num_rows):
    """Makes the sample and the models: `joint/serving/1` to `4`, and `HEAD/serving/1`."""
    sample = work / "sample" / "rows.parquet"
    if not sample.is_file():
        table = pq.read_table(make_dataset("flights", work / "flights").path)
        sample.parent.mkdir()
        pq.write_table(table.take(np.linspace(0, table.num_rows - 1, num_rows).astype(int)), sample)
    for seed in range(VERSIONS):
        if len(serving.versions(work / "joint" / "serving")) <= seed:
            train("flights", sample, work / "joint", [*SMALL, f"--set=training.seed={seed}"])
    for head in HEADS:
        if not serving.versions(work / head / "serving"):
            train(write_task(work / "tasks" / head, head), sample, work / head, SMALL[:2])
    return sample


def write_task(folder, head):
    """Writes the flights task with one of its heads."""
    shutil.copytree(FLIGHTS, folder, dirs_exist_ok=True)
    task = yaml.safe_load((FLIGHTS / "task.yaml").read_text(encoding="utf-8"))
    task |= {"heads": {head: {"type": "multiclass"}}, "gates": {head: "none"}}
    task["trunk"]["type"] = "independent"
    (folder / "task.yaml").write_text(yaml.safe_dump(task), encoding="utf-8")
    return folder


def train(task, data, output, options):
    with console.status(f"multihead run, for {output.name}"):
        command = [str(MULTIHEAD), "run", str(task), "--data", str(data), "--output", str(output), *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def instances(sample, count):
    """Returns rows as clients give them: a missing value is left out."""
    features = list(load_contract(FLIGHTS).task.features)
    rows = pq.read_table(sample, columns=features).slice(0, count).to_pylist()
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


class Server:
    """`multihead serve` in a process of its own."""

    def __init__(self, task, folder):
        command = [str(MULTIHEAD), "serve", str(task), "--run", str(folder.parent), "--port=0", "--poll=0.5"]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        lines = iter(self._process.stderr.readline, "")
        found = next(found for line in lines if (found := re.search(r"http://([\w.]+:\d+)(/\S+); ", line)))
        self.address, self.path = found[1], f"{found[2]}:predict"
        self.log = []
        threading.Thread(target=lambda: self.log.extend(lines), daemon=True).start()

    def version(self):
        """Returns the version that is served; None while there is none."""
        with self.connection() as connection:
            connection.request("GET", "/healthz")
            return json.load(connection.getresponse()).get("version")

    def connection(self):
        return contextlib.closing(http.client.HTTPConnection(self.address, timeout=60))

    def ask(self, connection, body):
        """Returns seconds, status, version and body of an answer."""
        started = time.perf_counter()
        connection.request("POST", self.path, body)
        response = connection.getresponse()
        answer = response.read()
        return time.perf_counter() - started, response.status, response.headers.get("X-Model-Version"), answer

    def memory(self):
        """Returns resident memory in MB."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024

    def stop(self):
        self._process.terminate()
        return self._process.wait(60)


@contextlib.contextmanager
def server(task, folder):
    running = Server(task, folder)
    try:
        while running.version() is None:
            time.sleep(0.2)
        yield running
    finally:
        running.stop()


def in_threads(num_clients, seconds, client, during=None):
    """Runs `client(number, is_over)` in threads; returns their results and the seconds that they took."""
    started, over = time.perf_counter(), threading.Event()
    with concurrent.futures.ThreadPoolExecutor(num_clients) as pool:
        running = [pool.submit(client, number, over.is_set) for number in range(num_clients)]
        if during:
            during(started)
        time.sleep(max(0.0, started + seconds - time.perf_counter()))
        over.set()
        results = [one for thread in running for one in thread.result()]
    return results, time.perf_counter() - started


def measure_swaps(work, rows, num_clients, seconds):
    """Prints what clients see while versions are pushed, and what the model does without a server."""
    served, folder = work / "joint" / "serving", Path(tempfile.mkdtemp(dir=work)) / "serving"
    push = lambda version: serving.push(served / str(version), folder, str(version), "bench", None)  # noqa: E731
    push(1)
    bodies = [json.dumps({"instances": [row]}).encode() for row in rows]

    with server("flights", folder) as running:

        def ask(number, is_over):
            answers = []
            with running.connection() as connection:
                while not is_over():
                    row = (number * 7 + len(answers)) % len(bodies)
                    answers.append((row, *running.ask(connection, bodies[row])))
            return answers

        def push_three(started):
            for i in range(1, VERSIONS):
                time.sleep(max(0.0, started + i * seconds / VERSIONS - time.perf_counter()))
                push(i + 1)
            while running.version() != str(VERSIONS):
                time.sleep(0.2)

        in_threads(num_clients, 1, ask)
        before = running.memory()
        answers, taken = in_threads(num_clients, seconds, ask, push_three)
        after = running.memory()

    models = {version: Servable.load(served / str(version)) for version in range(1, VERSIONS + 1)}
    taken_inputs = protocol.signatures(models[1].exported)
    asked = [protocol.parse(body, taken_inputs, 1).columns for body in bodies]
    right = {version: [model.predict(columns) for columns in asked] for version, model in models.items()}
    refused = sum(status != 200 for _, _, status, _, _ in answers)
    wrong = sum(not is_right(body, right[int(v)][row]) for row, _, status, v, body in answers if status == 200)

    def call(asked, number, is_over):
        answers = []
        while not is_over():
            started = time.perf_counter()
            models[1].predict(asked[(number * 7 + len(answers)) % len(asked)])
            answers.append((time.perf_counter() - started,))
        return answers

    direct, direct_taken = in_threads(num_clients, seconds / 3, functools.partial(call, asked))
    alone, alone_taken = in_threads(1, seconds / 3, functools.partial(call, asked))
    eight = json.dumps({"instances": rows[:8]}).encode()
    together, together_taken = in_threads(
        1, seconds / 3, functools.partial(call, [protocol.parse(eight, taken_inputs, 8).columns])
    )
    shutil.rmtree(folder.parent)
    table = Table("one row at a time", "requests", "per second", "p50 ms", "p99 ms", "slowest ms")
    add_row(table, f"serve, {num_clients} clients", [one[1] for one in answers], taken)
    add_row(table, f"SavedModel, {num_clients} threads", [one[0] for one in direct], direct_taken)
    add_row(table, "SavedModel, 1 thread", [one[0] for one in alone], alone_taken)
    add_row(table, "SavedModel, 1 thread, 8 rows at a time", [one[0] for one in together], together_taken)
    console.print(table)
    versions = sorted({version for _, _, _, version, _ in answers if version})
    loading = [seconds for line in running.log for seconds in re.findall(r"loaded in ([\d.]+) s", line)]
    console.print(f"seconds to load the versions: {', '.join(loading)}")
    console.print(f"versions seen: {', '.join(versions)}; errors: {refused}; wrong answers: {wrong}")
    console.print(f"resident memory of the server: {before:.0f} MB before, {after:.0f} MB after three new versions")


def is_right(body, expected):
    """Returns whether an answer is that of a model."""
    found = json.loads(body)["predictions"][0]
    return all(
        np.allclose(found[f"{head}/scores"], expected[f"{head}/scores"][0], atol=TOLERANCE)
        and found[f"{head}/label"] == expected[f"{head}/label"][0].decode()
        for head in HEADS
    )


def add_row(table, name, seconds, taken):
    p50, p99, slowest = np.percentile(seconds, [50, 99, 100]) * 1000
    table.add_row(
        name, f"{len(seconds):,}", f"{len(seconds) / taken:.0f}", f"{p50:.1f}", f"{p99:.1f}", f"{slowest:.0f}"
    )


def measure_heads(work, rows, num_rounds):
    """Prints time and memory of one model for all heads, and of one model per head."""
    with contextlib.ExitStack() as stack:
        folders = [("flights", work / "joint"), *((work / "tasks" / head, work / head) for head in HEADS)]
        servers = [stack.enter_context(server(task, folder / "serving")) for task, folder in folders]
        connections = [stack.enter_context(one.connection()) for one in servers]
        table = Table("rows a request", "", "one model ms", "one per head ms", "ratio", "at most")
        for count in (1, 100):
            bodies = [json.dumps({"instances": rows[i : i + count]}).encode() for i in range(0, len(rows), count)]
            seconds = np.zeros((num_rounds, len(servers)))
            for i in range(num_rounds):
                for j, (one, connection) in enumerate(zip(servers, connections, strict=True)):
                    seconds[i, j], status, _, answer = one.ask(connection, bodies[i % len(bodies)])
                    if status != 200:
                        raise SystemExit(answer.decode())
            medians = np.median(seconds, axis=0) * 1000
            add_ratio(table, str(count), "ms", medians)
        add_ratio(table, "", "MB", np.array([one.memory() for one in servers]))
    console.print(table)


def add_ratio(table, count, unit, values):
    joint, single = values[0], values[1:]
    parts = " + ".join(f"{value:.1f}" for value in single)
    bound = 1.5 / len(single)
    table.add_row(
        count, unit, f"{joint:.1f}", f"{parts} = {single.sum():.1f}", f"{joint / single.sum():.2f}", f"{bound:.2f}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, help="folder of the models; a temporary one if not given")
    parser.add_argument("--rows", type=int, default=6000, help="of the sample that the models are trained on")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=30, help="that clients ask")
    parser.add_argument("--rounds", type=int, default=300, help="of the comparison of one model with one per head")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        work = arguments.work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        work.mkdir(parents=True, exist_ok=True)
        work = work.resolve()
        sample = prepare(work, arguments.rows)
        rows = instances(sample, 500)
        measure_swaps(work, rows, arguments.clients, arguments.seconds)
        measure_heads(work, rows, arguments.rounds)


if __name__ == "__main__":
    main()
