"""Compiled pipelines, each compiled once."""

from functools import cache

import pytest

from schema.contract import find_task, load_contract

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
