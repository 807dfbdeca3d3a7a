"""Turns off one mend of the entry point, named by SPOIL. Python imports this first, in containers that tests spoil."""

import os
from types import SimpleNamespace

from pipeline.runners.step import mend, places, result, run


def _nothing(*_):
    return None


def _forget_integers():
    parse = run.tfx_container.parse_execution_properties
    run.tfx_container = SimpleNamespace(**vars(run.tfx_container))
    run.tfx_container.parse_execution_properties = lambda values, old, spec: parse(values, old, type(spec)())


SWITCHES = {
    **{name: lambda name=name: mend.MENDS.pop(name) for name in mend.MENDS},
    "remembered folders": lambda: setattr(result, "remember_folders", _nothing),
    "restored folders": lambda: setattr(run, "restore", _nothing),
    "output folders": lambda: setattr(run.outputs_utils, "make_output_dirs", _nothing),
    "plain properties": lambda: setattr(result, "plain_properties", _nothing),
    "URIs for paths": lambda: setattr(places.Places, "uri", lambda self, path: path),
    "whole numbers": _forget_integers,
}
if os.environ["SPOIL"] != "nothing":
    SWITCHES[os.environ["SPOIL"]]()
