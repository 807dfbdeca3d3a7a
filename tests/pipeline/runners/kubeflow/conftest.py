"""Compiled pipelines, each compiled once, and a server that runs them."""

import copy
import importlib.util
from functools import cache
from pathlib import Path

import pytest
import yaml

from schema.contract import find_task, load_contract

_located = importlib.util.spec_from_file_location("fake_kfp", Path(__file__).with_name("fake.py"))
_fake = importlib.util.module_from_spec(_located)
_located.loader.exec_module(_fake)

_IMAGE = "registry.example/multihead@sha256:" + 64 * "a"


def _compile(task, overrides, **given):
    from pipeline.runners.kubeflow.compile import Request, compile_task

    return compile_task(load_contract(find_task(task), overrides), Request(**{"image": _IMAGE, **given}))


_compile_once = cache(_compile)


@pytest.fixture
def compiled():
    """Compiles a shipped task, with options; by default out of sight of the data."""

    def made(task="flights", *overrides, **given):
        way = _compile if "profile" in given else _compile_once  # A profile cannot be a key of the cache.
        return way(task, overrides, **{"data": "/data/rows", **given})

    return made


@pytest.fixture
def image():
    """An image by its digest."""
    return _IMAGE


@pytest.fixture
def spec(compiled):
    return compiled().spec


# Two stages, with the parameters of real ones: made without TFX, whose import takes long.
_TINY = {
    "schemaVersion": "2.1.0",
    "pipelineInfo": {"name": "flights"},
    "root": {
        "inputDefinitions": {
            "parameters": {
                name: {"parameterType": "STRING", "defaultValue": value}
                for name, value in {
                    "data": "/data/rows",
                    "data_fingerprint": "",
                    "serving": "",
                    "no_baseline": "",
                    "code": "c0de",
                }.items()
            }
        },
        "dag": {
            "tasks": {
                "ExampleGen": {"componentRef": {"name": "ExampleGen"}},
                "Pusher": {"componentRef": {"name": "Pusher"}, "dependentTasks": ["ExampleGen"]},
            }
        },
    },
    "components": {name: {"executorLabel": f"{name}_executor"} for name in ("ExampleGen", "Pusher")},
    "deploymentSpec": {
        "executors": {
            f"{name}_executor": {"container": {"image": _IMAGE, "command": ["python"], "args": ["-m", "x"]}}
            for name in ("ExampleGen", "Pusher")
        }
    },
}


@pytest.fixture
def tiny():
    """The specification of a pipeline of two stages."""
    return copy.deepcopy(_TINY)


@pytest.fixture
def tiny_text(tiny):
    return yaml.safe_dump(tiny)


@pytest.fixture(scope="session")
def fake():
    """The module of the server's double."""
    return _fake


@pytest.fixture
def kfp():
    """The state of a server of Kubeflow Pipelines, which tests look at and change."""
    return _fake.Fake()


@pytest.fixture
def endpoint(kfp, monkeypatch):
    """The address of that server; clients try again without a pause."""
    from pipeline.runners.kubeflow import client

    monkeypatch.setattr(client, "_RETRIES", client._RETRIES.new(backoff_factor=0))
    for variable in ("KF_PIPELINES_SA_TOKEN_PATH", "KF_PIPELINES_UI_ENDPOINT"):
        monkeypatch.delenv(variable, raising=False)
    with _fake.Serving(kfp) as serving:
        yield serving.endpoint


@pytest.fixture
def client(endpoint):
    """A client of that server."""
    from pipeline.runners.kubeflow.client import Client
    from pipeline.runners.kubeflow.server import Server

    return Client(Server.parse(endpoint))


@pytest.fixture
def order(client, tiny_text):
    """Uploads the tiny pipeline, and returns what runs."""
    from pipeline.runners.kubeflow.publish import experiment, publish
    from pipeline.runners.kubeflow.submit import Order

    def made(text=tiny_text, root="", **parameters):
        return Order(publish(client, "flights", text), parameters, root, experiment(client, "flights"))

    return made
