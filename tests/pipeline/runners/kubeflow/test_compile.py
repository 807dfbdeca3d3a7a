"""The compiled pipeline: the graph of local runs, in a form that Kubeflow Pipelines takes, the same every time."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

import schema
from components import object_store
from pipeline import fingerprint
from pipeline.config import RunConfig
from pipeline.graph import build_pipeline
from pipeline.profiles import beam
from pipeline.profiles.find import local
from pipeline.profiles.profile import BEAM_STAGES, Profile, Stage
from pipeline.runners.kubeflow.check import check
from pipeline.runners.kubeflow.compile import Compiled, Request, compile_task
from pipeline.runners.kubeflow.names import is_pinned, pipeline_name
from pipeline.runners.step.command import COMMAND
from schema.contract import find_task, load_contract
from schema.errors import DataError, UserError

IMAGE = "registry.example/multihead@sha256:" + 64 * "a"  # As in the fixture `compiled`.
SHIPPED = sorted(file.parent.name for file in Path(schema.__file__).parent.glob("*/task.yaml"))
SPANS = ("data.spans='date={YYYY}-{MM}-{DD}'",)


def tasks(compiled):
    return compiled.spec["root"]["dag"]["tasks"]


def parameters(compiled):
    return compiled.spec["root"]["inputDefinitions"]["parameters"]


def reused(compiled):
    return {name for name, task in tasks(compiled).items() if task.get("cachingOptions", {}).get("enableCache")}


@pytest.mark.parametrize(
    "text",
    ["1e9", "0o17", "0x1F", "1_000", "+12", ".5", ".INF", "-.inf", ".nan", "yes", "null", "~", "2013-01-05", "a: b"],
)
def test_a_text_is_no_number_to_any_reader_of_yaml(text):
    written = Compiled({"env": text}, None, knows_data=False).to_yaml()
    assert yaml.safe_load(written) == {"env": text}
    assert written.removeprefix("env: ")[0] in "\"'"


@pytest.mark.parametrize("task", SHIPPED)
def test_every_shipped_task_compiles_to_what_kfp_reads(compiled, task):
    [document] = yaml.safe_load_all(compiled(task).to_yaml())
    read = json_format.ParseDict(document, pipeline_spec_pb2.PipelineSpec())
    assert (read.schema_version, read.pipeline_info.name) == ("2.1.0", task)
    deployment = json_format.MessageToDict(read.deployment_spec)
    executors = json_format.ParseDict(deployment, pipeline_spec_pb2.PipelineDeploymentConfig()).executors
    assert {executor.WhichOneof("spec") for executor in executors.values()} == {"container"}
    assert {executor.container.image for executor in executors.values()} == {IMAGE}
    assert {tuple(executor.container.command) for executor in executors.values()} == {COMMAND}
    assert check(document) == []


@pytest.mark.parametrize("task", SHIPPED)
def test_it_is_the_same_byte_for_byte(compiled, task):
    contract = load_contract(find_task(task))
    assert compile_task(contract, Request(IMAGE, data="/data/rows")).to_yaml() == compiled(task).to_yaml()


def test_it_is_the_same_in_another_process_with_other_hashes(compiled, tmp_path):
    file = tmp_path / "flights.yaml"
    arguments = ["compile", "flights", "--image", IMAGE, "--data", "/data/rows", "--output", str(file)]
    code = "import sys; from pipeline.cli import main; main()"
    subprocess.run(
        [sys.executable, "-c", code, *arguments], env={**os.environ, "PYTHONHASHSEED": "7"}, check=True, timeout=300
    )
    assert file.read_text() == compiled().to_yaml()


def test_it_has_the_nodes_and_edges_of_a_local_run(compiled, tmp_path):
    pq.write_table(pa.table({"x": [1]}), tmp_path / "rows.parquet")
    local = build_pipeline(load_contract(find_task("flights")), RunConfig(tmp_path, tmp_path / "run", "1"))
    assert {node.id for node in local.components} == set(tasks(compiled()))
    for node in local.components:
        task = tasks(compiled())[node.id]
        assert {upstream.id for upstream in node.upstream_nodes} == set(task.get("dependentTasks", ()))
        artifacts = task.get("inputs", {}).get("artifacts", {})
        given = {key: found["taskOutputArtifact"] for key, found in artifacts.items()}
        assert given == {
            key: {"producerTask": channel.producer_component_id, "outputArtifactKey": channel.output_key}
            for key, channel in node.inputs.items()
        }
        component = compiled().spec["components"][node.id]
        assert set(component.get("outputDefinitions", {}).get("artifacts", {})) == set(node.outputs)
        # And every parameter of the stage, but for the one that KFP's cache needs.
        assert set(task["inputs"]["parameters"]) - {"code"} == {
            key for key, value in node.exec_properties.items() if value is not None
        }


def test_what_the_stages_are_the_same_on_every_runner_is(compiled, tmp_path):
    pq.write_table(pa.table({"x": [1]}), tmp_path / "rows.parquet")
    local = build_pipeline(load_contract(find_task("flights")), RunConfig(tmp_path, tmp_path / "run", "1"))
    by_id = {node.id: node.exec_properties for node in local.components}
    trainer = tasks(compiled())["Trainer"]["inputs"]["parameters"]
    assert trainer["custom_config"]["runtimeValue"]["constant"] == by_id["Trainer"]["custom_config"]


class TestParameters:
    def test_what_a_run_can_be_given(self, compiled):
        found = parameters(compiled(serving="s3://bucket/flights"))
        defaults = {name: parameter.get("defaultValue") for name, parameter in found.items()}
        assert defaults == {
            "data": "/data/rows",
            "data_fingerprint": "",
            "serving": "s3://bucket/flights",
            "no_baseline": "",
            "code": fingerprint.sources(),
        }
        assert all(parameter["description"] for parameter in found.values())

    def test_a_window_of_spans(self, compiled):
        found = parameters(compiled("flights", *SPANS, span="2013-01-05", window=3))
        assert (found["span"]["defaultValue"], found["window"]["defaultValue"]) == ("2013-01-05", 3)
        assert found["window"]["parameterType"] == "NUMBER_INTEGER"
        assert parameters(compiled("flights", *SPANS))["span"]["defaultValue"] == "latest"
        assert "Drift" in tasks(compiled("flights", *SPANS))

    def test_data_that_nobody_named_are_where_a_volume_is_mounted(self, compiled):
        assert parameters(compiled(data=None))["data"]["defaultValue"] == "/data/flights"

    @pytest.mark.parametrize("task", SHIPPED)
    def test_no_run_need_give_any(self, compiled, task):
        assert all("defaultValue" in parameter for parameter in parameters(compiled(task, data=None)).values())

    @pytest.mark.parametrize("uri", ["s3://bucket/rows", "gs://bucket/rows"])
    def test_a_store_is_not_looked_at(self, compiled, uri, monkeypatch):
        monkeypatch.setattr(object_store, "connect", None)
        found = parameters(compiled("flights", *SPANS, data=uri))
        assert (found["data"]["defaultValue"], found["span"]["defaultValue"]) == (uri, "latest")
        assert found["data_fingerprint"]["defaultValue"] == ""
        assert "ExampleGen" not in reused(compiled("flights", *SPANS, data=uri))

    def test_the_pipeline_root_is_kept_for_whoever_submits(self, compiled):
        assert compiled(root="minio://bucket/root").spec["defaultPipelineRoot"] == "minio://bucket/root"
        assert "defaultPipelineRoot" not in compiled().spec

    def test_the_stages_that_look_for_themselves_are_told_where(self, compiled):
        baseline = tasks(compiled())["Baseline"]["inputs"]["parameters"]
        assert baseline["serving"] == {"componentInputParameter": "serving"}
        assert baseline["no_baseline"] == {"componentInputParameter": "no_baseline"}
        assert len(baseline["recipe"]["runtimeValue"]["constant"]) == 16
        pusher = tasks(compiled())["Pusher"]["inputs"]["parameters"]
        assert pusher["serving"] == {"componentInputParameter": "serving"}
        assert pusher["run_id"]["runtimeValue"]["constant"] == "{{$.pipeline_job_uuid}}"


class TestReuse:
    """KFP's cache compares parameters, inputs, image name, command and arguments."""

    @pytest.fixture
    def rows(self, tmp_path):
        file = tmp_path / "data" / "rows.parquet"
        file.parent.mkdir()
        pq.write_table(pa.table({"x": [1]}), file)
        return file

    @pytest.fixture
    def seen(self, rows):
        """Compiles in sight of the data as they are."""

        def compile_again(**given):
            contract = load_contract(find_task("flights"))
            return compile_task(contract, Request(**{"image": IMAGE, "data": str(rows.parent), **given}))

        return compile_again

    def test_what_looks_outside_runs_in_every_run(self, compiled, seen):
        always = {"DataGate", "Baseline", "Pusher"}
        assert set(tasks(seen())) - reused(seen()) == always
        # Nobody knows which data a run will find.
        assert set(tasks(compiled())) - reused(compiled()) == always | {"ExampleGen"}

    def test_other_data_are_other_parameters(self, seen, rows):
        before = parameters(seen())["data_fingerprint"]["defaultValue"]
        assert parameters(seen())["data_fingerprint"]["defaultValue"] == before
        pq.write_table(pa.table({"x": [1, 2]}), rows)
        assert parameters(seen())["data_fingerprint"]["defaultValue"] not in ("", before)
        given = tasks(seen())["ExampleGen"]["inputs"]["parameters"]["data_fingerprint"]
        assert given == {"componentInputParameter": "data_fingerprint"}

    def test_other_code_is_another_parameter_of_every_stage(self, seen, monkeypatch):
        before = parameters(seen())["code"]["defaultValue"]
        monkeypatch.setattr(fingerprint, "sources", lambda: "other")
        assert parameters(seen())["code"]["defaultValue"] == "other" != before
        given = [task["inputs"]["parameters"]["code"] for task in tasks(seen()).values()]
        assert given == [{"componentInputParameter": "code"}] * len(given)

    def test_another_image_is_another_image_of_every_stage(self, seen):
        other = IMAGE.replace("a" * 64, "b" * 64)
        executors = seen(image=other).spec["deploymentSpec"]["executors"].values()
        assert {executor["container"]["image"] for executor in executors} == {other}
        named = (IMAGE, IMAGE.partition("@")[2], "multihead:1", "multihead", f"{IMAGE}-debug")
        assert [is_pinned(image) for image in named] == [True, True, False, False, False]

    def test_a_name_that_may_be_another_image_tomorrow_reuses_nothing(self, seen):
        assert reused(seen(image="multihead:1")) == set()
        assert reused(seen(image=IMAGE.partition("@")[2])) == reused(seen()) != set()

    def test_a_span_is_chosen_once(self, tmp_path):
        contract = load_contract(find_task("flights"), SPANS)
        for day in ("2013-01-01", "2013-01-02"):
            (tmp_path / f"date={day}").mkdir()
            pq.write_table(pa.table({"x": [1]}), tmp_path / f"date={day}" / "rows.parquet")

        def of(**given):
            return compile_task(contract, Request(IMAGE, data=str(tmp_path), **given))

        assert parameters(of())["span"]["defaultValue"] == "2013-01-02"
        assert "ExampleGen" in reused(of())
        fingerprints = [parameters(of(window=n))["data_fingerprint"]["defaultValue"] for n in (1, 2)]
        assert len({*fingerprints, ""}) == 3
        latest = of(span="latest")
        assert parameters(latest)["span"]["defaultValue"] == "latest"
        assert parameters(latest)["data_fingerprint"]["defaultValue"] == ""
        assert "ExampleGen" not in reused(latest)
        with pytest.raises(DataError, match=r"span 2013-01-07 is not there"):
            of(span="2013-01-07")


def test_containers_are_told_their_inputs_and_outputs(compiled):
    in_process = beam.arguments(local().all.beam)
    for label, executor in compiled().spec["deploymentSpec"]["executors"].items():
        component = compiled().spec["components"][label.removesuffix("_executor")]
        arguments = executor["container"]["args"]
        told = [
            json.loads(arguments[arguments.index(f"--json_serialized_{side}_spec_args") + 1])
            for side in ("inputs", "outputs")
        ]
        assert told == [component.get("inputDefinitions", {}), component.get("outputDefinitions", {})]
        assert arguments[arguments.index("--compiled_by_code") + 1] == fingerprint.sources()
        assert arguments[:1] + arguments[2:4] == ["--executor_class_path", "--json_serialized_invocation_args", "{{$}}"]
        has_beam = label.removesuffix("_executor") in BEAM_STAGES
        assert [word for word in in_process if word in arguments] == (in_process if has_beam else [])


def test_each_stage_has_its_own_beam_options(compiled):
    profile = Profile(all=Stage(beam={"runner": "FlinkRunner"}), stages={"Transform": Stage(parallelism=3)})
    executors = compiled(profile=profile).spec["deploymentSpec"]["executors"]
    ends = {name: executors[f"{name}_executor"]["container"]["args"][-2:] for name in ("Transform", "Evaluator")}
    assert ends["Transform"] == ["--parallelism=3", "--runner=FlinkRunner"]
    assert ends["Evaluator"][-1] == "--runner=FlinkRunner"
    assert "--parallelism=3" not in ends["Evaluator"]
    assert not [word for word in executors["Trainer_executor"]["container"]["args"] if "runner=" in word]


def test_vertex_takes_a_job(compiled):
    made = compiled(root="gs://bucket/root")
    job = json.loads(made.to_job())
    json_format.ParseDict(job, pipeline_spec_pb2.PipelineJob())
    assert job["pipelineSpec"] == made.spec
    assert job["runtimeConfig"]["gcsOutputDirectory"] == "gs://bucket/root"
    assert job["runtimeConfig"]["parameterValues"]["data"] == "/data/rows"


@pytest.mark.parametrize(
    ("overrides", "given", "error"),
    [
        ((), {"data": "data/flights"}, "--data: 'data/flights' is not absolute; give the path as containers see it"),
        ((), {"serving": "serving"}, "--serving: 'serving' is not absolute"),
        ((), {"data": "minio://bucket/rows"}, "give s3://bucket/rows, and MinIO's address in FSSPEC_S3_ENDPOINT_URL"),
        ((), {"data": "s3://key:secret@bucket/rows"}, "s3://...: a URI with a password in it"),
        ((), {"span": "2013-01-05"}, "--span: the data of task flights has no spans"),
        ((), {"span": "latest"}, "--span: the data of task flights has no spans"),
        ((), {"image": ""}, "--image: is empty"),
    ],
)
def test_options_that_cannot_be(compiled, overrides, given, error):
    with pytest.raises(UserError, match=error):
        compiled("flights", *overrides, **given)


class TestServingFolder:
    """Baseline reads what the Pusher writes."""

    MODELS = {"claim": "models", "path": "/models"}

    @pytest.fixture
    def with_volumes(self, compiled):
        def made(serving="/models/flights", **volumes):
            stages = {stage: {"volumes": mounts} for stage, mounts in volumes.items()}
            return compiled(serving=serving, profile=Profile.model_validate_json(json.dumps({"stages": stages})))

        return made

    @pytest.mark.parametrize(
        ("others", "where"),
        [
            ([], "no volume"),
            ([{"claim": "other", "path": "/models"}], "other/flights"),
            ([{"claim": "models", "path": "/models", "sub_path": "a"}], "models/a/flights"),
            ([MODELS, {"claim": "other", "path": "/models/flights"}], "other"),
        ],
    )
    def test_on_volumes_that_differ(self, with_volumes, others, where):
        with pytest.raises(UserError, match=f"is on {where} for Baseline and models/flights for Pusher; give both"):
            with_volumes(Baseline=others, Pusher=[self.MODELS])

    def test_on_the_same_one(self, with_volumes):
        with_volumes(Baseline=[self.MODELS], Pusher=[self.MODELS, {"claim": "more", "path": "/more"}])

    @pytest.mark.parametrize("serving", ["", "s3://bucket/models"])
    def test_on_none(self, with_volumes, serving):
        with_volumes(serving, Pusher=[self.MODELS])


def test_more_classes_than_a_command_line_holds(write_task):
    contract = load_contract(write_task())
    classes = dict.fromkeys(contract.classes, tuple(f"class number {i}" for i in range(5000)))
    many = dataclasses.replace(contract, classes=classes)
    with pytest.raises(UserError, match=r"task Trainer: .* larger than .*; the longest parameter is custom_config"):
        compile_task(many, Request(IMAGE))


def test_a_task_whose_name_kfp_does_not_take(write_task, toy_task):
    toy_task["task"] = "my_task"
    contract = load_contract(write_task())
    made = compile_task(contract, Request(IMAGE))
    assert made.spec["pipelineInfo"]["name"] == "my-task" == pipeline_name("my_task")
    long = dataclasses.replace(contract, task=contract.task.model_copy(update={"task": "t" * 200}))
    assert len(compile_task(long, Request(IMAGE)).spec["pipelineInfo"]["name"]) == 63


def test_the_types_of_our_own_are_found_by_their_names():
    from tfx.utils import import_utils

    for name in ("CanaryFindings", "DriftFindings", "HeadReport"):
        assert f"components.{name}" == import_utils.import_class_by_path(f"components.{name}").TYPE_NAME
