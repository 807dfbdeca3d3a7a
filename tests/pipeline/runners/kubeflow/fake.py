"""A server of Kubeflow Pipelines 2.17 as far as the client needs one, over HTTP, and as strict.

Bodies are read and written by the models of kfp-server-api, which are generated from KFP's own description of its API:
a field that it does not have is refused. What else the server refuses was read in its sources, as said beside each.
"""

import base64
import datetime
import email
import http.server
import json
import re
import ssl
import threading
import types
import urllib.parse
import uuid

import kfp_server_api as kfp
import yaml

from pipeline.runners.kubeflow.check import check

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
NEVER = "0001-01-01T00:00:00Z"  # Of Go's zero time, for what has not ended.
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 409: 6, 500: 13, 503: 14}
_API = kfp.ApiClient()
_KINDS = {"STRING": str, "NUMBER_INTEGER": int, "NUMBER_DOUBLE": float}


class Refused(Exception):
    """An answer that is an error of gRPC."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Fake:
    """The server's state, and knobs to make it fail.

    Attributes:
        token: Without which nobody is answered; None for everybody.
        multi_user: Whether it has namespaces.
        page: Objects on a page, whatever is asked for.
        overrides: Answers by (method, regular expression of a path): a list of them, each given once, or the last.
        requests: (method, path, query, headers, body) of all.
        frames: What a run looks like at each look: (state, {stage: state}).
        workflow: Argo's, by run; its absence is an error.
        logs: By pod.
    """

    def __init__(self):
        self.token, self.multi_user, self.page = None, False, 2
        self.overrides, self.requests, self.frames = {}, [], [("SUCCEEDED", {})]
        self.workflow, self.logs = None, {}
        self.pipelines, self.versions, self.experiments, self.runs, self.recurring = {}, {}, {}, {}, {}
        self._clock = NOW

    def now(self):
        self._clock += datetime.timedelta(seconds=1)
        return self._clock

    def seen(self, method, path=""):
        return [request for request in self.requests if request[0] == method and path in request[1]]

    def enabled(self):
        return [found for found in self.recurring.values() if found.status == "ENABLED"]

    # Pipelines: apiserver/server/pipeline_server.go, pipeline_upload_server.go.

    def get_pipeline(self, name, query):
        for pipeline in self.pipelines.values():
            if pipeline.name == name and (pipeline.namespace or "") == self.namespace(query.get("namespace")):
                return pipeline
        raise Refused(404, f"Failed to get a pipeline with name {name}: ResourceNotFoundError: Namespace/Pipeline")

    def create_pipeline(self, body):
        pipeline = strict("V2beta1Pipeline", body)
        if any(known.name == pipeline.name for known in self.pipelines.values()):
            raise Refused(409, f"Failed to create a new pipeline. The name {pipeline.name} already exist.")
        pipeline.pipeline_id = str(uuid.uuid4())
        return self.pipelines.setdefault(pipeline.pipeline_id, pipeline)

    def list_versions(self, pipeline_id, query):
        found = [version for version in self.versions.values() if version.pipeline_id == pipeline_id]
        return self.paged("V2beta1ListPipelineVersionsResponse", "pipeline_versions", found, query)

    def upload_version(self, query, filename, text):
        if query.get("pipelineid") not in self.pipelines:
            raise Refused(400, "Failed to create a pipeline version")
        if not filename.endswith((".yaml", ".yml", ".json", ".zip", ".tar.gz")):
            raise Refused(400, "Failed to create a pipeline version")
        name = query.get("name") or filename
        if len(name) > 127:
            raise Refused(400, "PipelineVersion.Name is too long")
        documents = list(yaml.safe_load_all(text))
        if problems := check(*documents):
            raise Refused(400, f"Failed to create a pipeline version due to template creation error: {problems}")
        known = [found for found in self.versions.values() if found.pipeline_id == query["pipelineid"]]
        if any(found.name == name for found in known):
            raise Refused(409, "Failed to create a pipeline version")
        version = kfp.V2beta1PipelineVersion(
            pipeline_id=query["pipelineid"],
            pipeline_version_id=str(uuid.uuid4()),
            name=name,
            display_name=query.get("display_name") or name,
            created_at=self.now(),
            pipeline_spec=documents[0],
        )
        return self.versions.setdefault(version.pipeline_version_id, version)

    # Experiments.

    def create_experiment(self, body):
        experiment = strict("V2beta1Experiment", body)
        if self.multi_user and not experiment.namespace:
            raise Refused(400, "Invalid input error: An experiment cannot have an empty namespace in multi-user mode")
        if any(known.display_name == experiment.display_name for known in self.experiments.values()):
            raise Refused(409, "Failed to create a new experiment")
        experiment.experiment_id = str(uuid.uuid4())
        return self.experiments.setdefault(experiment.experiment_id, experiment)

    def list_experiments(self, query):
        if self.multi_user and not query.get("namespace"):
            raise Refused(400, "Invalid input error: Namespace cannot be empty in multi-user mode")
        return self.paged("V2beta1ListExperimentsResponse", "experiments", self.experiments.values(), query)

    # Runs: apiserver/resource/resource_manager.go, template/v2_template.go.

    def create_run(self, body):
        run = strict("V2beta1Run", body)
        if not run.display_name:
            raise Refused(400, "The run name is empty. Please specify a valid name")
        self.check_what_runs(run)
        run.run_id, run.state, run.created_at = str(uuid.uuid4()), "PENDING", self.now()
        run.finished_at = datetime.datetime.fromtimestamp(0, datetime.timezone.utc)
        return self.runs.setdefault(run.run_id, run)

    def list_runs(self, query):
        found = [run for run in self.runs.values() if run.experiment_id == query.get("experiment_id")]
        assert query["sort_by"] == "created_at desc"
        return self.paged("V2beta1ListRunsResponse", "runs", reversed(found), query)

    def get_run(self, run_id):
        if run_id not in self.runs:
            raise Refused(404, f"Run {run_id} not found")
        run = self.runs[run_id]
        state, stages = self.frames[0]
        if len(self.frames) > 1:
            del self.frames[0]
        run.state = state
        run.run_details = kfp.V2beta1RunDetails(task_details=nodes(run.display_name, state, stages))
        return run

    def check_what_runs(self, found):
        """ValidateJobInputs, and the pairs of ids."""
        reference = found.pipeline_version_reference
        version = self.versions.get(reference and reference.pipeline_version_id)
        if version is None or version.pipeline_id != reference.pipeline_id:
            raise Refused(400, "Pipeline spec source is missing")
        if found.experiment_id not in self.experiments:
            raise Refused(404, "Experiment not found")
        declared = version.pipeline_spec["root"].get("inputDefinitions", {}).get("parameters", {})
        given = (found.runtime_config and found.runtime_config.parameters) or {}
        for name, kind in declared.items():
            if name not in given and "defaultValue" not in kind:
                raise Refused(400, f"parameter {name} is not optional, yet has neither default value nor user provided")
        for name, value in given.items():
            if name not in declared or not isinstance(value, _KINDS[declared[name]["parameterType"]]):
                raise Refused(400, f"parameter(s) provided are not required by pipeline, or of another type: {name}")

    # Recurring runs: apiserver/server/api_converter.go.

    def create_recurring(self, body):
        job = strict("V2beta1RecurringRun", body)
        if not job.display_name:
            raise Refused(500, "Recurring run's name cannot be empty")
        if not 1 <= int(job.max_concurrency or 0) <= 10:
            raise Refused(400, "Max concurrency of a recurring run must be at least 1 and at most 10")
        try:
            Robfig(job.trigger.cron_schedule.cron)
        except ValueError as error:
            raise Refused(400, f"Schedule cron is not a supported format. Error: {error}") from None
        self.check_what_runs(job)
        if job.namespace and job.namespace != self.experiments[job.experiment_id].namespace:
            raise Refused(400, f"Experiment {job.experiment_id} belongs to another namespace than {job.namespace}")
        job.recurring_run_id, job.created_at = str(uuid.uuid4()), self.now()
        job.no_catchup = bool(job.no_catchup)
        self.switch(job, job.mode == "ENABLE")  # MODE_UNSPECIFIED is disabled.
        if (config := job.runtime_config) and not config.parameters and not config.pipeline_root:
            job.runtime_config = None
        return self.recurring.setdefault(job.recurring_run_id, job)

    @staticmethod
    def switch(job, enable):
        job.status, job.mode = ("ENABLED", "ENABLE") if enable else ("DISABLED", "DISABLE")

    def list_recurring(self, query):
        if self.multi_user and not query.get("namespace"):
            raise Refused(400, "a recurring run cannot have an empty namespace in multi-user mode")
        return self.paged("V2beta1ListRecurringRunsResponse", "recurring_runs", self.recurring.values(), query)

    def recurring_of(self, recurring_id):
        if recurring_id not in self.recurring:
            raise Refused(404, f"Recurring run {recurring_id} not found")
        return self.recurring[recurring_id]

    def enable(self, recurring_id, enable):
        self.switch(self.recurring_of(recurring_id), enable)
        assert len(self.enabled()) < 2, "two recurring runs begin runs"

    def delete_recurring(self, recurring_id):
        self.recurring_of(recurring_id)
        del self.recurring[recurring_id]

    # All.

    def namespace(self, given):
        return given or "" if self.multi_user else ""  # ReplaceNamespace.

    def paged(self, model, field, objects, query):
        """list_request_util.go: a token belongs to the same filter."""
        wanted = query.get("filter")
        objects = list(objects)
        if wanted:
            [predicate] = strict("V2beta1Filter", json.loads(wanted)).predicates
            assert (predicate.operation, predicate.key) == ("EQUALS", "display_name")
            objects = [found for found in objects if found.display_name == predicate.string_value]
        start = 0
        if token := query.get("page_token"):
            start, of = json.loads(base64.b64decode(token))
            if of != wanted:
                raise Refused(400, "page token does not match the supplied sort by and/or filtering criteria")
        end = start + min(self.page, int(query.get("page_size") or 20))
        token = base64.b64encode(json.dumps([end, wanted]).encode()).decode() if end < len(objects) else None
        return getattr(kfp, model)(**{field: objects[start:end], "next_page_token": token, "total_size": len(objects)})


def strict(model, data):
    """Reads JSON as a model; a field that it does not have is refused, as protojson does."""
    kind = getattr(kfp, model)
    if unknown := set(data) - set(kind.attribute_map.values()):
        raise Refused(400, f"proto: unknown field {sorted(unknown)} of {model}")
    for attribute, name in kind.attribute_map.items():
        inner = re.sub(r"^list\[(.*)\]$", r"\1", kind.openapi_types[attribute])
        if name in data and getattr(getattr(kfp, inner, None), "openapi_types", None):
            for part in data[name] if isinstance(data[name], list) else [data[name]]:
                strict(inner, part)
    return _API.deserialize(types.SimpleNamespace(data=json.dumps(data)), model)


def nodes(workflow, state, stages):
    """task_details of a run: the nodes of its Argo workflow, of which each stage has three, one after the other."""
    found = [_node(workflow, state, 0, 1000), _node("root-driver", "SUCCEEDED", 0, 5), _node("root", state, 5, 1000)]
    for number, (name, state) in enumerate(stages.items()):
        start = 100 * number
        reused, state = state == "reused", "SUCCEEDED" if state == "reused" else state
        if state == "no driver":
            found.append(_node(f"{name}-driver", "FAILED", start, start + 10))
            continue
        end = start + 12 if reused else start + 70
        found.append(_node(f"{name}-driver", "SUCCEEDED", start, start + 10))
        found.append(_node(name, state, start + 10, end))
        found.append(_node("executor", "SKIPPED" if reused else state, start + 11, end))
    return list(reversed(found))  # In no order.


def _node(name, state, start, end):
    times = [(NOW + datetime.timedelta(seconds=seconds)).isoformat() for seconds in (start, end)]
    if state in ("PENDING", "RUNNING"):
        times[1] = NEVER
    return kfp.V2beta1PipelineTaskDetail(
        display_name=name, state=state, start_time=times[0], end_time=times[1], create_time=NOW
    )


def argo(*pods, name="flights-x7k2p"):
    """An Argo workflow in which pods failed: (node behind `root`, message), the stage's node with it."""
    found = {}

    def add(node, kind, template, message, at):
        node_id = f"{name}-{sum(node.encode())}"
        found[node_id] = {
            "id": node_id,
            "name": node,
            "type": kind,
            "phase": "Failed",
            "templateName": template,
            "message": message,
            "finishedAt": f"2026-01-01T00:{at:02}:00Z",
        }

    for at, (node, message) in enumerate(pods):
        add(f"{name}.root.{node}", "Pod", "system-container-impl", message, at)
        if ".executor" in node:
            add(f"{name}.root.{node.partition('.')[0]}", "DAG", "system-container-executor", "child failed", 59)
    return {"metadata": {"name": name}, "status": {"nodes": found}}


class Robfig:
    """A cron expression as github.com/robfig/cron 1.2 reads it, which KFP uses: parser.go, spec.go."""

    BOUNDS = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
    NAMES = (
        *((),) * 4,
        ("", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
        ("sun", "mon", "tue", "wed", "thu", "fri", "sat"),
    )

    def __init__(self, text):
        fields = text.split()
        if not 5 <= len(fields) <= 6:
            raise ValueError(f"Expected 5 to 6 fields, found {len(fields)}: {text}")
        fields += ["*"] * (6 - len(fields))  # Optional is the day of the week, not the second.
        self.stars = [any(part[0] in "*?" for part in field.split(",")) for field in fields]
        self.sets = [self._field(*given) for given in zip(fields, self.BOUNDS, self.NAMES, strict=True)]

    def _field(self, text, bounds, names):
        return {value for part in text.split(",") for value in self._range(part, *bounds, names)}

    def _range(self, part, least, greatest, names):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if first in "*?":
            start, end = least, greatest
        else:
            start = self._value(first, names)
            end = self._value(last, names) if last else greatest if step else start
        if not least <= start <= end <= greatest:
            raise ValueError(f"out of bounds: {part}")
        return range(start, end + 1, int(step or 1))

    @staticmethod
    def _value(text, names):
        return names.index(text.lower()) if text.lower() in names else int(text)

    def is_due(self, time):
        second, minute, hour, day, month, weekday = self.sets
        on_day, on_weekday = time.day in day, time.isoweekday() % 7 in weekday
        is_day = on_day and on_weekday if self.stars[3] or self.stars[5] else on_day or on_weekday
        return is_day and time.second in second and time.minute in minute and time.hour in hour and time.month in month


_ROUTES = (
    ("GET", r"/apis/v2beta1/healthz", lambda s, m, q, b: kfp.V2beta1GetHealthzResponse(multi_user=s.multi_user)),
    ("GET", r"/apis/v2beta1/pipelines/names/([^/]+)", lambda s, m, q, b: s.get_pipeline(m[1], q)),
    ("POST", r"/apis/v2beta1/pipelines", lambda s, m, q, b: s.create_pipeline(b)),
    ("GET", r"/apis/v2beta1/pipelines/([^/]+)/versions", lambda s, m, q, b: s.list_versions(m[1], q)),
    ("POST", r"/apis/v2beta1/pipelines/upload_version", lambda s, m, q, b: s.upload_version(q, *b)),
    ("POST", r"/apis/v2beta1/experiments", lambda s, m, q, b: s.create_experiment(b)),
    ("GET", r"/apis/v2beta1/experiments", lambda s, m, q, b: s.list_experiments(q)),
    ("POST", r"/apis/v2beta1/runs", lambda s, m, q, b: s.create_run(b)),
    ("GET", r"/apis/v2beta1/runs", lambda s, m, q, b: s.list_runs(q)),
    ("GET", r"/apis/v2beta1/runs/([^/]+)", lambda s, m, q, b: s.get_run(m[1])),
    ("POST", r"/apis/v2beta1/recurringruns", lambda s, m, q, b: s.create_recurring(b)),
    ("GET", r"/apis/v2beta1/recurringruns", lambda s, m, q, b: s.list_recurring(q)),
    ("POST", r"/apis/v2beta1/recurringruns/([^/]+):enable", lambda s, m, q, b: s.enable(m[1], True)),
    ("POST", r"/apis/v2beta1/recurringruns/([^/]+):disable", lambda s, m, q, b: s.enable(m[1], False)),
    ("DELETE", r"/apis/v2beta1/recurringruns/([^/]+)", lambda s, m, q, b: s.delete_recurring(m[1])),
)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer()

    def do_POST(self):
        self.answer()

    def do_DELETE(self):
        self.answer()

    def log_message(self, *args):
        pass

    def answer(self):
        state = self.server.state
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        state.requests.append((self.command, url.path, query, dict(self.headers), raw))
        for (method, path), answers in state.overrides.items():
            if method == self.command and re.fullmatch(path, url.path) and answers:
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                if answer is not None:
                    return self.send(*answer)
        if state.token and self.headers.get("Authorization") != f"Bearer {state.token}":
            return self.refuse(Refused(401, "Request header error: there is no user identity header"))
        try:
            return self.route(state, url.path, query, raw)
        except Refused as error:
            return self.refuse(error)

    def route(self, state, path, query, raw):
        if found := re.fullmatch(r"/apis/v1beta1/runs/([^/]+)", path):
            if state.workflow is None:
                raise Refused(404, "no such run")
            manifest = json.dumps(state.workflow)
            body = {"run": {"id": found[1]}, "pipeline_runtime": {"workflow_manifest": manifest}}
            return self.send(200, "application/json", json.dumps(body))
        if found := re.fullmatch(r"/apis/v1alpha1/runs/[^/]+/nodes/([^/]+)/log", path):
            if found[1] not in state.logs:
                raise Refused(500, "Failed to read logs from pod")
            return self.send(200, "text/plain; charset=utf-8", state.logs[found[1]])
        for method, pattern, work in _ROUTES:
            if method == self.command and (found := re.fullmatch(pattern, path)):
                done = work(state, found, query, self.body(raw))
                return self.send(200, "application/json", json.dumps(_API.sanitize_for_serialization(done) or {}))
        return self.send(404, "text/plain", "404 page not found")

    def body(self, raw):
        kind = self.headers.get("Content-Type", "")
        if not kind.startswith("multipart/form-data"):
            return json.loads(raw) if raw else None
        message = email.message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + raw)
        [part] = message.get_payload()
        assert part.get_param("name", header="Content-Disposition") == "uploadfile"
        return part.get_filename(), part.get_payload(decode=True).decode()

    def refuse(self, error):
        body = {"error": str(error), "code": _CODES[error.status], "message": str(error), "details": []}
        self.send(error.status, "application/json", json.dumps(body))

    def send(self, status, kind, body, location=None):
        payload = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(payload)))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(payload)


class Serving:
    """Serves a fake for as long as a with statement runs; its `endpoint` is the address."""

    def __init__(self, state, certificate=None):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.state, self.server.daemon_threads = state, True
        scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            scheme = "https"
        self.endpoint = f"{scheme}://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
