"""JSON as KFP 2.17 hands it over, seen on a real one."""

import copy

import pytest

ROOT = "minio://mlpipeline/v2/artifacts/flights/RUN"
EXAMPLES = "title: tfx.Examples\ntype: object\n"
STATISTICS = "title: tfx.ExampleStatistics\ntype: object\n"

_CALL = {
    "inputs": {
        "artifacts": {
            "examples": {
                "artifacts": [
                    {
                        "name": "3",
                        "type": {"instanceSchema": ""},
                        "uri": f"{ROOT}/ExampleGen/UUID/examples",
                        "metadata": {
                            "display_name": "examples",
                            "payload_format": "FORMAT_TF_EXAMPLE",
                            "span": 5,
                            "split_names": '["train", "eval"]',
                            "store_session_info": '{"Provider":"minio"}',
                            "empty_folders": {"list": ["Split-eval"]},
                            "extra": {"struct": {"rows": 7}},
                        },
                    }
                ]
            }
        },
        "parameterValues": {"exclude_splits": "[]", "keep": 3},
    },
    "outputs": {
        "artifacts": {
            "executor-logs": {
                "artifacts": [
                    {
                        "name": "executor-logs",
                        "type": {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"},
                        "uri": f"{ROOT}/StatisticsGen/UUID/executor-logs-0",
                    }
                ]
            },
            "statistics": {
                "artifacts": [
                    {
                        "name": "statistics",
                        "type": {"instanceSchema": STATISTICS},
                        "uri": f"{ROOT}/StatisticsGen/UUID/statistics",
                    }
                ]
            },
        },
        "outputFile": "/minio/mlpipeline/v2/artifacts/flights/RUN/StatisticsGen/UUID/output_metadata.json",
    },
}


@pytest.fixture
def call():
    """An ExecutorInput, as `{{$}}` on the command line has it."""
    return copy.deepcopy(_CALL)


@pytest.fixture
def inputs_spec():
    """The stage's ComponentInputsSpec."""
    return {
        "artifacts": {"examples": {"artifactType": {"instanceSchema": EXAMPLES}}},
        "parameters": {"exclude_splits": {"parameterType": "STRING"}, "keep": {"parameterType": "NUMBER_INTEGER"}},
    }
