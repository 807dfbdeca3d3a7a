"""Profiles as users name and write them, and as `--beam-option` changes them."""

import subprocess
import sys

import pytest

from pipeline.profiles import beam
from pipeline.profiles.find import SHIPPED, find_profile, local
from pipeline.profiles.profile import BEAM_STAGES, STAGES, amount
from schema.errors import UserError
from schema.problems import TaskError

_OF_GOOGLE = ("project=p", "region=r", "temp_location=gs://b/t", "sdk_container_image=image")
_PROFILE = """\
all:
  cpu: "2"
  memory: 4Gi
  env: {LEVEL: "1"}
  beam: {runner: FlinkRunner, flink_master: "jobs:8081"}
  parallelism: 2
stages:
  Trainer: {memory: 16Gi, env: {CARD: "0"}}
  Evaluator: {beam: {flink_master: "large:8081", max_bundle_size: 5}, parallelism: 8, patience: 0.5}
"""


@pytest.fixture
def read(tmp_path):
    """Reads a profile from a file, with Beam options on top."""

    def written(text, *options):
        (tmp_path / "cluster.yaml").write_text(text)
        return find_profile(str(tmp_path / "cluster.yaml"), options)

    return written


def arguments(profile, stage="Transform"):
    return beam.arguments(beam.options_of(profile.of(stage)))


@pytest.mark.parametrize(
    ("quantity", "number"), [("2", 2), ("0.5", 0.5), ("500m", 0.5), ("4G", 4e9), ("16Gi", 16 * 2**30), ("1k", 1000)]
)
def test_quantities(quantity, number):
    assert amount(quantity) == number


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("all: {cpus: 2}", "cluster.yaml:1: all.cpus: unknown key.*did you mean 'cpu'"),
        ("all:\n  memory: lots", "cluster.yaml:2: all.memory: got 'lots', must match"),
        ("all: {pull_policy: never}", "allowed: Always, IfNotPresent, Never"),
        ("stages: {Trainer: {retries: -1}}", "stages.Trainer.retries"),
        ("all: {volumes: [{claim: a, path: data}]}", "volumes.0.path: got 'data'"),
        ("all: {parallelism: 0}", "all.parallelism: "),
        ("all:\n  patience: 0", "cluster.yaml:2: all.patience: .*greater than 0, got 0"),
        ("stages: {Evaluator: {patience: 10 min}}", "stages.Evaluator.patience: .*a valid number, got '10 min'"),
        ("stages: {Trainer: {patience: 5}}", "stages.Trainer.patience: this stage does not use Beam"),
        ("all:\n  beam:\n    flink_mastr: x", "cluster.yaml:3: all.beam.flink_mastr: .*did you mean 'flink_master'"),
        (
            "stages: {Transform: {beam: {max_parallelism: two}}}",
            "Transform.beam.max_parallelism: got 'two': invalid int",
        ),
        ("all: {beam: {flink_version: '1.1'}}", r"got '1.1': invalid choice.*choose from"),
        ("all: {beam: {number_of_execution_retries: many}}", "got 'many': invalid int"),
        ("stages:\n  Evaluater: {cpu: '1'}", "cluster.yaml:2: stages.Evaluater: no such stage.*mean 'Evaluator'"),
        ("stages: {Trainer: {beam: {runner: FlinkRunner}}}", "stages.Trainer.beam: this stage does not use Beam"),
        ("stages: {Pusher: {parallelism: 2}}", "stages.Pusher.parallelism: this stage does not use Beam"),
    ],
)
def test_mistakes_are_named_with_their_line(read, text, problem):
    with pytest.raises(TaskError, match=problem):
        read(text)


def test_a_stage_has_what_all_have_but_for_its_own(read):
    profile = read(_PROFILE)
    assert (profile.of("Trainer").memory, profile.of("Trainer").cpu) == ("16Gi", "2")
    assert profile.of("Trainer").env == {"LEVEL": "1", "CARD": "0"}
    assert profile.of("Transform") == profile.all
    assert (profile.of("Evaluator").patience, profile.of("Transform").patience) == (0.5, 10)
    assert arguments(profile) == ["--parallelism=2", "--runner=FlinkRunner", "--flink_master=jobs:8081"]
    assert arguments(profile, "Evaluator") == [
        "--parallelism=8",
        "--runner=FlinkRunner",
        "--flink_master=large:8081",
        "--max_bundle_size=5",
    ]


def test_options_of_the_command_win_in_every_stage(read):
    profile = read(_PROFILE, "flink_master=here:1", "--parallelism=3", "experiments=a", "experiments=b")
    for stage in BEAM_STAGES:
        given = arguments(profile, stage)
        assert {"--flink_master=here:1", "--parallelism=3", "--experiments=a", "--experiments=b"} < set(given)
        assert len([argument for argument in given if "flink_master" in argument or "parallelism" in argument]) == 2


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("paralelism=3", "--beam-option: paralelism: Beam has no such option; did you mean 'parallelism'?"),
        ("max_parallelism=3x", "--beam-option: max_parallelism: got '3x': invalid int value"),
        ("streaming=yes", "streaming: got 'yes': ignored explicit argument"),
    ],
)
def test_options_of_the_command_are_checked(option, problem):
    with pytest.raises(TaskError, match=problem):
        find_profile(None, [option])


def test_without_a_runner_beam_works_in_process(read):
    assert read("all: {cpu: '2'}").all.beam == local().all.beam
    assert arguments(find_profile()) == arguments(find_profile("local")) == arguments(local())


def test_parallelism_in_process_is_by_processes(read):
    given = arguments(read("stages: {Transform: {parallelism: 2}}"))
    assert {"--direct_num_workers=2", "--direct_running_mode=multi_processing"} < set(given)
    assert "--direct_running_mode=in_memory" in arguments(read("all: {parallelism: 1}"))


def test_parallelism_of_a_runner_that_has_none(read):
    with pytest.raises(UserError, match=r"parallelism of Drift: SparkRunner has no such setting; these do: Dataflow"):
        read("all: {beam: {runner: SparkRunner}, parallelism: 2}")


@pytest.mark.parametrize("name", SHIPPED)
def test_beam_takes_what_is_shipped(name):
    profile = find_profile(name, _OF_GOOGLE if name == "dataflow" else ())
    assert "sdk_container_image" in profile.all.beam  # Or else TFX would pack itself for every stage.


def test_what_beam_finds_missing_is_told_before_anything_runs():
    with pytest.raises(UserError, match=r"--profile dataflow: .*: missing: project, region, temp_location, sdk"):
        find_profile("dataflow")
    with pytest.raises(UserError, match=r"--profile local: .*NoRunner"):
        find_profile(None, ["runner=NoRunner"])


def test_a_profile_that_is_not_there():
    with pytest.raises(UserError, match=r"--profile flnk: no such file or profile.*did you mean 'flink'"):
        find_profile("flnk")


def test_a_file_goes_before_a_shipped_name(tmp_path, monkeypatch):
    (tmp_path / "flink").write_text("all: {cpu: '7'}")
    monkeypatch.chdir(tmp_path)
    assert find_profile("flink").all.cpu == "7"


def test_stages_are_those_of_the_graph(compiled_stages):
    assert {*STAGES} - {"Predict"} == compiled_stages["all"]
    assert {*BEAM_STAGES} - {"Predict"} == compiled_stages["beam"]


@pytest.fixture(scope="module")
def compiled_stages(tmp_path_factory):
    """Names of the stages of a graph that has all of them, and of those with Beam."""
    from tfx.dsl.components.base.executor_spec import BeamExecutorSpec

    from pipeline.graph import wire
    from pipeline.runners.kubeflow.parameters import at_run_time
    from schema.contract import find_task, load_contract

    contract = load_contract(find_task("flights"), ['data.spans="date={YYYY}-{MM}-{DD}"'])
    stages = wire(contract, at_run_time(contract, "flights", "")).components
    with_beam = {stage.id for stage in stages if isinstance(stage.executor_spec, BeamExecutorSpec)}
    return {"all": {stage.id for stage in stages}, "beam": with_beam}


def test_without_options_beam_is_not_imported(tmp_path):
    (tmp_path / "cluster.yaml").write_text("all: {cpu: '2'}")
    code = (
        "import sys; from pipeline.profiles.find import find_profile; find_profile(); find_profile(sys.argv[1]);"
        "sys.exit('apache_beam' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, tmp_path / "cluster.yaml"], check=False).returncode == 0
