"""A Flink cluster as far as its REST API tells, over HTTP."""

import http.server
import json
import threading

import pytest

_STATES = ("CREATED", "SCHEDULED", "DEPLOYING", "RUNNING", "FINISHED", "CANCELING", "CANCELED", "FAILED")


class Job:
    """A job of one vertex.

    Attributes:
        state: Of the job.
        task: State of its one task.
        records: That it has read.
        pace: Records that are read between two looks at it.
        exceptions: What /exceptions answers.
    """

    def __init__(self, name, number, state, task):
        self.name, self.id, self.state, self.task = name, f"{number:032x}", state, task
        self.records, self.pace, self.looks = 0, 0, 0
        self.exceptions = {"exceptionHistory": {"entries": [], "truncated": False}}
        self.is_cancelled = threading.Event()

    def detail(self):
        self.looks += 1
        self.records += self.pace
        measures = {"read-bytes": 8 * self.records, "write-bytes": 0, "read-records": self.records, "write-records": 0}
        # Time goes on, whatever a job does.
        metrics = {**measures, "accumulated-busy-time": self.looks, "accumulated-idle-time": "NaN"}
        tasks = {state: int(state == self.task) for state in _STATES}
        vertex = {"id": "a" * 32, "status": self.task, "duration": self.looks, "tasks": tasks, "metrics": metrics}
        return {"jid": self.id, "name": self.name, "state": self.state, "now": self.looks, "vertices": [vertex]}

    def cancel(self):
        if self.state == "RUNNING":
            self.state = self.task = "CANCELED"
        self.is_cancelled.set()


class Flink:
    """The cluster.

    Attributes:
        address: HOST:PORT.
        jobs: All of them.
        is_away: Whether it refuses every request.
    """

    def __init__(self):
        self.jobs, self.is_away, self.address = [], False, ""

    def begin(self, name, state="RUNNING", task="RUNNING"):
        self.jobs.append(Job(name, len(self.jobs) + 1, state, task))
        return self.jobs[-1]

    def answer(self, method, path):
        """Returns status and body."""
        if self.is_away:
            return 503, {"errors": ["Service temporarily unavailable due to an ongoing leader election."]}
        if path == "/overview":
            return 200, {"taskmanagers": 2, "slots-total": 2, "slots-available": 1, "jobs-running": 1}
        if path == "/jobs/overview":
            return 200, {"jobs": [{"jid": job.id, "name": job.name, "state": job.state} for job in self.jobs]}
        where, _, asked = path.removeprefix("/jobs/").partition("?")
        [job] = [job for job in self.jobs if job.id == where.partition("/")[0]]
        if method == "PATCH" and asked == "mode=cancel":
            job.cancel()
            return 202, {}
        return 200, job.exceptions if where.endswith("/exceptions") else job.detail()


@pytest.fixture
def flink():
    """A cluster without jobs."""
    cluster = Flink()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = cluster.answer(self.command, self.path)
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_PATCH = do_GET

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    cluster.address = f"127.0.0.1:{server.server_port}"
    yield cluster
    server.shutdown()
    server.server_close()
