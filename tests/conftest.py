"""Fixtures that several packages' tests share."""

import copy
import logging
import shutil
import uuid
from pathlib import Path

import hypothesis
import pytest
import yaml

import schema

# What an example may take says nothing of the code on a machine that does other things, too.
hypothesis.settings.register_profile("suite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("suite")

_TOY_TASK = {
    "task": "toy",
    "features": {
        "amount": {"type": "numeric"},
        "colour": {"type": "categorical", "vocabulary": 10, "embedding": 4},
    },
    "heads": {
        "kind": {"type": "multiclass"},
        "size": {"type": "multiclass", "depends_on": ["kind"]},
    },
    "slices": [["colour"]],
    "gates": {
        "kind": [{"metric": "auc", "min": 0.6, "slice": {"colour": "red"}}],
        "size": "none",
    },
}

_TOY_SCHEMA = """\
default_environment: "TRAINING"
default_environment: "SERVING"
feature { name: "amount" type: FLOAT }
feature { name: "colour" type: BYTES string_domain { value: "red" value: "green" value: "blue" } }
feature { name: "year" type: INT }
feature { name: "fold" type: BYTES not_in_environment: "SERVING" }
feature { name: "kind" type: BYTES string_domain { value: "cat" value: "dog" } not_in_environment: "SERVING" }
feature { name: "size" type: BYTES domain: "sizes" not_in_environment: "SERVING" }
string_domain { name: "sizes" value: "small" value: "large" value: "huge" }
"""


@pytest.fixture(scope="session")
def say(request):
    """Prints a line at once, whatever pytest captures."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def print_line(line):
        with capture.global_and_fixture_disabled():
            print(line, flush=True)

    return print_line


@pytest.fixture
def flights_folder(tmp_path):
    """A copy of the shipped flights task, to change at will."""
    return shutil.copytree(Path(schema.__file__).parent / "flights", tmp_path / "flights")


@pytest.fixture
def toy_task():
    """task.yaml of a small right task, as data: two features, two heads."""
    return copy.deepcopy(_TOY_TASK)


@pytest.fixture
def toy_schema():
    """schema.pbtxt of the toy task: a feature a line, and two columns, `year` and `fold`, that are no features."""
    return _TOY_SCHEMA


@pytest.fixture
def write_task(tmp_path, toy_task, toy_schema):
    """Writes a task folder, the toy task's files where none are given."""

    def write(task: dict | None = None, pbtxt: str | None = None) -> Path:
        folder = tmp_path / "toy"
        folder.mkdir(exist_ok=True)
        text = yaml.safe_dump(toy_task if task is None else task, sort_keys=False)
        (folder / "task.yaml").write_text(text, encoding="utf-8")
        (folder / "schema.pbtxt").write_text(toy_schema if pbtxt is None else pbtxt, encoding="utf-8")
        return folder

    return write


@pytest.fixture(scope="session")
def flights_file(tmp_path_factory):
    """All real flights in one file, to be read only: to make it takes seconds."""
    from pipeline.datasets import make_dataset

    return make_dataset("flights", tmp_path_factory.mktemp("flights")).path


@pytest.fixture(scope="session")
def flights_by_day(tmp_path_factory):
    """All real flights in a folder per day, `date=2013-01-01` the first, to be read only."""
    from pipeline.datasets import make_dataset

    return make_dataset("flights", tmp_path_factory.mktemp("days"), "day").path


@pytest.fixture(scope="session")
def flights_sample(flights_file, tmp_path_factory):
    """Makes a folder of real flights, every one of a regular sample over the year, in two files."""
    import numpy as np
    import pyarrow.parquet as pq

    def made(num_rows):
        folder = tmp_path_factory.mktemp("data")
        table = pq.read_table(flights_file)
        table = table.take(np.linspace(0, table.num_rows - 1, num_rows).astype(int))
        (folder / "sample").mkdir()
        for i, half in enumerate((table.slice(0, num_rows // 2), table.slice(num_rows // 2))):
            pq.write_table(half, folder / "sample" / f"{i}.parquet")
        return folder / "sample"

    return made


@pytest.fixture(scope="session")
def quick():
    """Options for flights on a sample that is too small for the real gates, where one epoch is enough."""
    return [
        "--set=training.epochs=1",
        "--set=training.batch_size=512",
        "--set=gates.cancelled=[{metric: accuracy, min: 0.1}]",
        "--set=gates.dep_delay=none",
        "--set=gates.arr_delay=none",
    ]


@pytest.fixture
def store(tmp_path):
    """Copies a file or folder into fsspec's own store in memory, and returns the URI of the copy."""
    from fsspec.core import url_to_fs

    uri = f"memory://{uuid.uuid4().hex}"
    fs, root = url_to_fs(uri)

    def copy(source: Path) -> str:
        for file in source.rglob("*") if source.is_dir() else [source]:
            if file.is_file():
                fs.pipe_file(f"{root}/{file.relative_to(source.parent)}", file.read_bytes())
        return f"{uri}/{source.name}"

    return copy


@pytest.fixture(scope="session")
def s3_server():
    """Address of a server on this machine that speaks S3's protocol."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_server, monkeypatch):
    """fsspec's file system of that server, which the environment names as it would name another."""
    import s3fs

    given = {"ENDPOINT_URL": s3_server, "ACCESS_KEY_ID": "user", "SECRET_ACCESS_KEY": "secret"}
    for name, value in {**given, "DEFAULT_REGION": "us-east-1", "EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    return s3fs.S3FileSystem()


@pytest.fixture
def bucket(s3):
    """URI of an empty bucket of that server."""
    name = f"bucket-{uuid.uuid4().hex}"
    s3.mkdir(name)
    return f"s3://{name}"
