"""An analysis as a whole: of a task of which nothing is to be learnt."""

import json

import apache_beam as beam

from components.transform.analysis.analysis import Analysis
from components.transform.analysis.compute import analyse
from schema.columns import column_types
from schema.contract import find_task, load_contract


def test_of_images_and_unweighted_heads_nothing_is_learnt(tmp_path, beam_arguments):
    contract = load_contract(find_task("digits"))
    classes = json.dumps({head: list(values) for head, values in contract.classes.items()})
    analysis = Analysis(contract.task.to_json(), classes, column_types(contract.schema))
    options = beam.options.pipeline_options.PipelineOptions(beam_arguments)
    file = str(tmp_path / "never-read.gz")
    assert analyse({"train.kept": [file]}, str(tmp_path), analysis, lambda: beam.Pipeline(options=options)) == {}
