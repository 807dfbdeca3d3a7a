"""The entry point around a small executor and around our own ones, with the launcher's folders under tmp_path."""

import json
import shutil
import sys
import textwrap

import pytest

from pipeline import fingerprint
from schema.errors import AnomaliesFound, ModelRefused, StepError

FOLDER = "mlpipeline/v2/artifacts/flights/RUN"
PROBE = textwrap.dedent(
    """
    import json, pathlib
    from tfx.dsl.components.base import base_beam_executor
    from schema.errors import AnomaliesFound

    class Executor(base_beam_executor.BaseBeamExecutor):
        def Do(self, inputs, outputs, properties):
            [examples], [statistics] = inputs["examples"], outputs["statistics"]
            seen = {
                "type": type(examples).__name__,
                "splits": examples.split_names,
                "span": examples.span,
                "extra": examples.get_json_value_custom_property("extra"),
                "files": sorted(p.name for p in pathlib.Path(examples.uri).iterdir()),
                "properties": properties,
                "outputs": sorted(outputs),
                "beam": self._beam_pipeline_args,
            }
            folder = pathlib.Path(statistics.uri)
            (folder / "seen.json").write_text(json.dumps(seen))
            (folder / "nothing").mkdir()
            statistics.set_bool_custom_property("good", True)
            statistics.set_float_custom_property("rate", float("nan"))
            statistics.set_json_value_custom_property("nothing", None)
            statistics.set_json_value_custom_property("worst", {"value": None, "model": examples.uri + "/x"})
            if properties["exclude_splits"] == "stop":
                raise AnomaliesFound("amount: 3 rows below 0")
    """
)


@pytest.fixture
def step(tmp_path, monkeypatch, call, inputs_spec):
    """Runs an executor on the call; returns what it wrote for the launcher."""
    from pipeline.runners.step import places
    from pipeline.runners.step.run import run

    monkeypatch.setattr(places, "_MOUNTS", {"minio://": f"{tmp_path}/minio/"})
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "probe.py").write_text(PROBE)
    root = tmp_path / "minio" / FOLDER
    (root / "ExampleGen/UUID/examples/Split-train").mkdir(parents=True)
    (root / "StatisticsGen/UUID").mkdir(parents=True)
    call["outputs"]["outputFile"] = str(root / "StatisticsGen/UUID/output_metadata.json")

    def start(executor="probe.Executor", *more):
        run(
            [
                *("--executor_class_path", executor),
                *("--json_serialized_invocation_args", json.dumps(call)),
                *("--json_serialized_inputs_spec_args", json.dumps(inputs_spec)),
                *more,
            ]
        )
        return json.loads((root / "StatisticsGen/UUID/output_metadata.json").read_text())

    yield start
    sys.modules.pop("probe", None)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "minio" / FOLDER / "StatisticsGen/UUID"


def test_an_executor_sees_what_it_sees_locally(step, folder):
    step("probe.Executor", "--runner=DirectRunner")
    seen = json.loads((folder / "statistics/seen.json").read_text())
    assert seen["type"] == "Examples"
    assert seen["splits"] == '["train", "eval"]'
    assert seen["span"] == 5
    assert seen["extra"] == {"rows": 7}
    assert seen["files"] == ["Split-eval", "Split-train"]
    assert seen["properties"] == {"exclude_splits": "[]", "keep": 3}
    assert isinstance(seen["properties"]["keep"], int)
    assert seen["outputs"] == ["statistics"]
    assert "--runner=DirectRunner" in seen["beam"]


def test_the_launcher_reads_the_result_strictly(step):
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    written = step()
    json_format.ParseDict(written, pipeline_spec_pb2.ExecutorOutput())
    [statistics] = written["artifacts"]["statistics"]["artifacts"]
    assert statistics["name"] == "statistics"
    assert statistics["uri"] == f"minio://{FOLDER}/StatisticsGen/UUID/statistics"
    metadata = statistics["metadata"]
    assert metadata["good"] == 1
    assert metadata["good"] is not True
    assert metadata["rate"] == "nan"
    assert "nothing" not in metadata  # TFX leaves it out, and KFP takes none.
    assert metadata["worst"] == {"value": None, "model": f"minio://{FOLDER}/ExampleGen/UUID/examples/x"}
    assert metadata["empty_folders"] == ["nothing"]
    assert metadata["tfx_version"]
    assert list(written["artifacts"]) == ["statistics"]


def test_what_a_stage_raises_is_raised(step, call):
    call["inputs"]["parameterValues"]["exclude_splits"] = "stop"
    with pytest.raises(AnomaliesFound, match="3 rows below 0"):
        step()


def test_code_that_did_not_compile_the_pipeline_refuses_to_run(step, folder):
    step("probe.Executor", "--compiled_by_code", fingerprint.sources())
    (folder / "output_metadata.json").unlink()
    with pytest.raises(StepError, match=rf"the image has other code \({fingerprint.sources()}\) .* by \(0ther\)"):
        step("probe.Executor", "--compiled_by_code", "0ther")
    assert not (folder / "output_metadata.json").exists()


def test_an_input_that_is_lost_stops_the_step(step, tmp_path):
    shutil.rmtree(tmp_path / "minio" / FOLDER / "ExampleGen/UUID/examples")
    with pytest.raises(StepError, match=f"input examples: minio://{FOLDER}/ExampleGen/UUID/examples: nothing is there"):
        step()


def test_json_that_is_none_names_the_option():
    from pipeline.runners.step.run import run

    given = ("--executor_class_path", "x.Y", "--json_serialized_inputs_spec_args", "{}")
    with pytest.raises(StepError, match="--json_serialized_invocation_args: is not JSON"):
        run([*given, "--json_serialized_invocation_args", "{{$}}"])
    with pytest.raises(StepError, match="--json_serialized_invocation_args: is not a JSON object"):
        run([*given, "--json_serialized_invocation_args", "[]"])


def test_a_baseline_at_a_cold_start_is_an_empty_folder(step, call, inputs_spec, folder):
    of_graph = {"version": "", "identity": "", "recipe": "made so", "warm_start": 0.0}
    call["inputs"]["parameterValues"] = {**of_graph, "serving": str(folder / "serving"), "no_baseline": ""}
    model = call["outputs"]["artifacts"]["model"] = call["outputs"]["artifacts"].pop("statistics")
    model["artifacts"][0]["type"] = {"instanceSchema": "title: tfx.Model\ntype: object\n"}
    written = step("components.baseline.component.Executor")
    assert (folder / "statistics").is_dir()
    metadata = written["artifacts"]["model"]["artifacts"][0]["metadata"]
    assert metadata["empty_folders"] == ["."]
    assert json.loads(metadata["decision"])["no_baseline"].startswith("no baseline: no model was blessed before")


def test_a_refused_model_fails_the_pusher_after_its_result_is_written(step, call, inputs_spec, tmp_path):
    root = tmp_path / "minio" / FOLDER
    for key in ("model", "blessing", "report"):
        (root / "Report" / key).mkdir(parents=True)
    gates = [{"metric": "auc", "ok": False, "reason": "auc 0.61 is below 0.7"}]
    report = {"heads": {"cancelled": {"gates": gates}}, "joint": {"gates": []}, "refusals": []}
    (root / "Report/report/report.json").write_text(json.dumps(report))

    def artifact(key, title, metadata=None):
        one = {"name": "1", "uri": f"minio://{FOLDER}/Report/{key}", "type": {"instanceSchema": f"title: {title}\n"}}
        return {"artifacts": [{**one, "metadata": metadata or {}}]}

    call["inputs"]["artifacts"] = {
        "model": artifact("model", "tfx.Model"),
        "blessing": artifact("blessing", "tfx.ModelBlessing", {"blessed": 0}),
        "report": artifact("report", "components.evaluator.component.HeadReport"),
    }
    pushed = call["outputs"]["artifacts"]["pushed_model"] = call["outputs"]["artifacts"].pop("statistics")
    pushed["artifacts"][0]["type"] = {"instanceSchema": "title: tfx.PushedModel\ntype: object\n"}
    with pytest.raises(ModelRefused, match=r"^not blessed; cancelled: auc 0\.61 is below 0\.7$") as refused:
        step("components.pusher.component.Executor")
    assert refused.value.exit_code == 4
    written = json.loads((root / "StatisticsGen/UUID/output_metadata.json").read_text())
    assert written["artifacts"]["pushed_model"]["artifacts"][0]["metadata"]["pushed"] == 0
