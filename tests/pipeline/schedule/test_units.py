"""What is printed for other schedulers: it is read back as they read it."""

import configparser
import shlex
from pathlib import Path

import pytest
import yaml

from components.example_gen.places import place
from pipeline.schedule import start
from pipeline.schedule.cron import Cron
from pipeline.schedule.plan import Folders, Options, Plan, executable
from schema.errors import UserError

# What shells, systemd, cron and Kubernetes each read in their own way.
NASTY = ['data.spans="date={YYYY}-{MM}-{DD}"', "a=it's 50 % of $HOME \\ `x` $(X)", "b=#;&|<>*?~!"]
HOOK = "https://me:p%41@example.org/x?a=1&b=$y"


@pytest.fixture
def plan():
    options = Options("toy", Path("my data"), None, tuple(NASTY), ("direct_num_workers=2",), 60, "span", if_new=True)
    return Plan("toy_shop", options, Cron.parse("0 2 * * 7", "Europe/Berlin"), 600, HOOK)


@pytest.fixture
def folders(tmp_path):
    return Folders(tmp_path / "toy", tmp_path / "my data", tmp_path / "runs" / "toy")


def shared(folders, task="toy"):
    return [
        *(task, f"--data={folders.data}", f"--output={folders.output}", "--window=60", "--split-by=span"),
        *(f"--set={override}" for override in NASTY),
        "--beam-option=direct_num_workers=2",
    ]


def systemd_split(line):
    """Splits a command as systemd.service(5) says: double quotes, C escapes, %% and $$."""
    parts, part, quoted, position = [], "", False, 0
    while position < len(line):
        two = line[position : position + 2]
        if two[0] == '"':
            quoted = not quoted
        elif two[0] == " " and not quoted:
            parts.append(part)
            part = ""
        elif two in ("%%", "$$"):
            part, position = part + two[0], position + 1
        elif two[0] == "\\":
            part, position = part + {"n": "\n", "t": "\t", "r": "\r"}.get(two[1], two[1]), position + 1
        else:
            assert two[0] not in "%$"
            part += two[0]
        position += 1
    return [*parts, part]


def test_systemd(plan, folders):
    unit = configparser.RawConfigParser(strict=True)
    unit.optionxform = str
    unit.read_string(start.printed("systemd", plan, folders, None))
    service = unit["Service"]
    rest = ["--cron=0 2 * * 7", "--timezone=Europe/Berlin", "--misfire=600", f"--notify={HOOK}"]
    assert systemd_split(service["ExecStart"]) == [executable(), "schedule", *shared(folders), *rest]
    assert service["KillMode"] == "mixed"
    assert int(service["TimeoutStopSec"]) > 60
    assert unit["Install"]["WantedBy"] == "default.target"


def test_crontab(plan, folders):
    *_, zone, line = start.printed("cron", plan, folders, None).splitlines()
    assert zone == "CRON_TZ=Europe/Berlin"
    *fields, command = line.split(" ", 5)
    assert fields == ["0", "2", "*", "*", "7"]
    assert "%" not in command.replace("\\%", "")
    assert shlex.split(command.replace("\\%", "%")) == [
        *(executable(), "run", *shared(folders), "--if-new", f"--notify={HOOK}")
    ]


def test_crontab_goes_by_the_machines_clock_unless_told(plan, folders):
    local = Plan(plan.task, plan.options, Cron.parse("0 2 * * 7", None), 600)
    [line] = start.printed("cron", local, folders, None).splitlines()
    assert line.startswith("0 2 * * 7 /")


def test_a_line_of_cron_has_no_line_break(plan, folders):
    options = Options("toy", None, None, ("a=1\n2",))
    with pytest.raises(UserError, match="--print cron: an option has a line break"):
        start.printed("cron", Plan("toy", options, plan.cron, 600), folders, None)


def test_kubernetes(plan, folders):
    manifest = yaml.safe_load(start.printed("kubernetes", plan, folders, "registry.example.org/multihead:1"))
    assert (manifest["apiVersion"], manifest["kind"]) == ("batch/v1", "CronJob")
    assert manifest["metadata"]["name"] == "multihead-toy-shop"
    spec = manifest["spec"]
    assert (spec["schedule"], spec["timeZone"]) == ("0 2 * * 0", "Europe/Berlin")
    assert (spec["concurrencyPolicy"], spec["startingDeadlineSeconds"]) == ("Forbid", 600)
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    [container] = pod["containers"]
    assert container["image"] == "registry.example.org/multihead:1"
    command = [part.replace("$$(", "$(") for part in container["command"]]
    assert command == ["multihead", "run", *shared(folders), "--if-new", f"--notify={HOOK}"]
    assert "$$(X)" in "".join(container["command"])
    mounts = {mount["mountPath"]: mount.get("readOnly", False) for mount in container["volumeMounts"]}
    assert mounts == {str(folders.data): True, str(folders.output): False}
    [volume] = pod["volumes"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"]}


def test_rows_in_a_store_are_not_mounted(plan, folders):
    uri = "s3://bucket/rows"
    there = Folders(folders.task, place(uri), folders.output)
    for what in ("systemd", "cron", "kubernetes"):
        assert f"--data={uri}" in start.printed(
            what, Plan("toy", Options("toy", place(uri), None), plan.cron, 5), there, None
        )
    manifest = yaml.safe_load(start.printed("kubernetes", plan, there, None))
    [container] = manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == [str(folders.output)]


def test_a_task_of_ones_own_is_named_by_its_folder(plan, folders, tmp_path):
    folders.task.mkdir()
    own = Options(str(folders.task), None, None)
    manifest = yaml.safe_load(start.printed("kubernetes", Plan("toy", own, plan.cron, 5), folders, None))
    assert manifest["spec"]["startingDeadlineSeconds"] == 10
    [container] = manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["command"][2] == str(folders.task)
    assert {mount["mountPath"] for mount in container["volumeMounts"]} >= {str(folders.task)}
