"""The `multihead` command: what it says, what it exits with, and what it does not load."""

import json
import logging
import subprocess
import sys
import types
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import pipeline.compare
import schema
from pipeline import cli, datasets, session
from pipeline.config import RunConfig
from pipeline.profiles.find import local
from pipeline.report import document
from schema.errors import AnomaliesFound, DataError, UserError

COMMANDS = (
    "data",
    "validate",
    "run",
    "schedule",
    "backtest",
    "compare",
    "compile",
    "submit",
    "predict",
    "rollback",
    "gc",
    "report",
    "serve",
)


@pytest.fixture
def multihead(main, monkeypatch):
    """Runs the command in this process, in an empty folder: returns exit code, standard output and error."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "1")
    level = logging.getLogger().level
    yield main
    logging.getLogger().setLevel(level)


@pytest.fixture
def data(tmp_path):
    """A Parquet file of one row."""
    pq.write_table(pa.table({"amount": [1.5]}), tmp_path / "rows.parquet")
    return tmp_path / "rows.parquet"


@pytest.fixture
def run_task(monkeypatch, report):
    """Stands in for the pipeline: set `result` to a report or to an exception; `calls` are the runs asked for."""
    stand_in = types.ModuleType("pipeline.run")
    stand_in.result, stand_in.calls = {**report, "blessed": True, "pushed": "/serving/4"}, []

    def run_task(contract, config, on_start, on_finish):
        stand_in.calls.append((contract, config))
        on_start("ExampleGen")
        print("chatter of TFX")
        if isinstance(stand_in.result, BaseException):
            raise stand_in.result
        on_finish({"id": "ExampleGen", "seconds": 1.5, "cached": False, "rows": 1234})
        on_finish({"id": "Trainer", "seconds": 0.5, "cached": True, "rows": None})
        return stand_in.result

    stand_in.run_task = run_task
    monkeypatch.setitem(sys.modules, "pipeline.run", stand_in)
    return stand_in


class TestHelp:
    def test_commands_are_listed(self, multihead):
        code, out, _ = multihead("--help")
        assert code == 0
        assert [command for command in COMMANDS if f"│ {command} " not in out] == []

    def test_without_a_command_there_is_help(self, multihead):
        _, out, err = multihead()
        assert "multihead [OPTIONS] COMMAND" in out + err

    @pytest.mark.parametrize("command", COMMANDS)
    def test_every_command_has_an_example(self, multihead, command):
        code, out, _ = multihead(command, "--help")
        assert code == 0
        assert f"Example: multihead {command} " in out

    def test_every_command_is_here(self):
        assert sorted(command.callback.__name__ for command in cli.app.registered_commands) == sorted(COMMANDS)

    def test_unknown_command(self, multihead):
        code, _, err = multihead("validat", "flights")
        assert code == 2
        assert "validate" in err


class TestValidate:
    def test_right(self, multihead, write_task):
        folder = write_task()
        code, out, err = multihead("validate", folder)
        assert (code, err) == (0, "")
        assert out.startswith(f"{folder}: 2 features, 2 heads, ok\n")
        assert "small, large, huge" in out

    def test_shipped_task_by_name(self, multihead):
        code, out, _ = multihead("validate", "flights")
        assert code == 0
        assert out.startswith(f"{Path(schema.__file__).parent / 'flights'}: ")

    def test_a_path_that_the_system_refuses(self, multihead):
        code, out, err = multihead("validate", "x" * 400)
        assert (code, out) == (2, "")
        assert err == f"{'x' * 400}/task.yaml: File name too long\n"

    def test_every_mistake_is_listed(self, multihead, write_task):
        folder = write_task()
        code, out, err = multihead("validate", folder, "--set", "training.epochs=0", "--set", "gates.kin=none")
        assert (code, out) == (2, "")
        assert err.splitlines() == [
            "2 problems:",
            "--set training.epochs: training.epochs: input should be greater than 0, got 0",
            "--set gates.kin: gates.kin: 'kin' is not a head; allowed: kind, size, joint; did you mean 'kind'?",
        ]

    def test_one_mistake(self, multihead, write_task):
        _, _, err = multihead("validate", write_task(), "--set", "training.epochs=0")
        assert err.splitlines()[0] == "1 problem:"

    @pytest.mark.parametrize(
        ("override", "expected"),
        [
            ("traning.epochs=1", "--set traning.epochs: traning: unknown key; allowed: data, drift, features, gates,"),
            ("gates.kind.0.min=1.5", "--set gates.kind.0.min: gates.kind.0.min: auc is from 0 to 1, got 1.5\n"),
            ("gates.kind.0.slice={amount: x}", "--set gates.kind.0.slice: gates.kind.0.slice.amount: 'x' is not a num"),
            (
                "training.schedule.warmup_epochs=20",
                "--set training.schedule.warmup_epochs: training.schedule.warmup_ep",
            ),
        ],
    )
    def test_the_option_that_is_wrong_is_blamed(self, multihead, write_task, override, expected):
        code, out, err = multihead("validate", write_task(), "--set", override)
        assert (code, out) == (2, "")
        assert err.startswith(f"1 problem:\n{expected}")

    def test_a_mistyped_key_names_the_nearest(self, multihead, write_task):
        _, _, err = multihead("validate", write_task(), "--set", "traning.epochs=1")
        assert err.endswith("; did you mean 'training'?\n")

    def test_unknown_task(self, multihead):
        code, out, err = multihead("validate", "flihgts")
        assert (code, out) == (2, "")
        assert "flihgts: no such task" in err
        assert err.endswith("did you mean 'flights'?\n")

    def test_names_in_brackets_are_shown_as_they_are(self, multihead, write_task, toy_schema):
        folder = write_task(pbtxt=toy_schema.replace('"cat"', '"[red]"').replace('"dog"', '":cat: [/x]"'))
        code, out, _ = multihead("validate", folder)
        assert code == 0
        assert "[red], :cat: [/x]" in out


class TestData:
    def test_unknown_name(self, multihead):
        code, _, err = multihead("data", "flihgts")
        assert code == 2
        assert "flights" in err

    @pytest.mark.parametrize(
        ("options", "folder"),
        [
            ([], "data/flights"),
            (["--output", "elsewhere"], "elsewhere"),
            (["--spans", "day"], "data/flights_by_day"),
            (["--spans", "day", "--output", "elsewhere"], "elsewhere"),
        ],
        ids=["default", "given", "default of spans", "given with spans"],
    )
    def test_what_was_written_is_said(self, multihead, monkeypatch, options, folder):
        def make(name, output, spans):
            assert spans == ("day" if "--spans" in options else None)
            return datasets.DatasetSummary(name, 1234, ("a", "b"), output / "flights.parquet")

        monkeypatch.setattr(datasets, "make_dataset", make)
        assert multihead("data", "flights", *options) == (0, f"{folder}/flights.parquet: 1,234 rows, 2 columns\n", "")


@pytest.mark.usefixtures("run_task")
class TestRunInput:
    """What is wrong before anything heavy starts: exit code 2 and one sentence."""

    def test_task(self, multihead, write_task):
        assert multihead("run", write_task(), "--set", "training.epochs=0")[0] == 2

    @pytest.mark.parametrize(
        ("name", "contents", "expected"),
        [
            ("none.parquet", None, "no such file or folder; give the data's path with --data"),
            ("rows.parquet", b"", "not a readable Parquet file ("),
            ("rows.parquet", b"amount,kind\n1,cat\n", "not a readable Parquet file ("),
            (".", None, "no .parquet file in this folder, and the task says data.format: parquet"),
        ],
        ids=["missing", "empty", "csv", "empty folder"],
    )
    def test_data(self, multihead, write_task, tmp_path, name, contents, expected):
        (tmp_path / "data").mkdir()
        file = tmp_path / "data" / name
        if contents is not None:
            file.write_bytes(contents)
        code, out, err = multihead("run", write_task(), "--data", file)
        assert (code, out) == (2, "")
        assert err.startswith(f"{file}: {expected}")
        assert err.count("\n") == 1
        assert not (tmp_path / "runs").exists()

    def test_rows_in_a_store(self, multihead, write_task, data, store, run_task):
        uri = store(data)
        code, _, err = multihead("run", write_task(), "--data", f"{uri}/")
        assert (code, err) == (0, "")
        assert str(run_task.calls[0][1].data) == uri

    def test_a_store_that_refuses(self, multihead, write_task, bucket, run_task):
        code, out, err = multihead("run", write_task(), "--data", f"{bucket}-2/rows")
        assert (code, out, run_task.calls) == (2, "", [])
        assert err.startswith(
            f"{bucket}-2/rows: the store refused, or did not answer (FileNotFoundError: The specified"
        )
        assert err.count("\n") == 1

    def test_no_rows(self, multihead, write_task, tmp_path):
        pq.write_table(pa.table({"amount": pa.array([], pa.float64())}), tmp_path / "rows.parquet")
        code, _, err = multihead("run", write_task(), "--data", tmp_path / "rows.parquet")
        assert (code, err) == (2, f"{tmp_path}/rows.parquet: no rows\n")

    def test_the_format_is_that_of_the_task(self, multihead, write_task, tmp_path, run_task):
        (tmp_path / "rows.csv").write_text("amount\n1.5\n")
        code, _, _ = multihead("run", write_task(), "--data", tmp_path, "--set", "data.format=csv")
        assert code == 0

    def test_the_default_data_of_a_task_that_is_no_data_set(self, multihead, write_task):
        code, _, err = multihead("run", write_task())
        assert code == 2
        assert err.startswith("data/toy: no such file or folder")

    def test_output_that_is_a_file(self, multihead, write_task, data, run_task):
        code, _, err = multihead("run", write_task(), "--data", data, "--output", data)
        assert (code, err) == (2, f"{data}: cannot be used as a run's folder (File exists)\n")
        assert run_task.calls == []


class TestRunFolder:
    def test_busy(self, multihead, write_task, data, run_task, tmp_path):
        holder = RunConfig(data=data, output=tmp_path / "out", run_id="first")
        with session.hold(holder):
            code, _, err = multihead("run", write_task(), "--data", data, "--output", tmp_path / "out")
        assert code == 5
        assert err.startswith(f"{tmp_path}/out: held by run first, process ")
        assert err.endswith("; wait for it by --wait, or give another --output\n")
        assert run_task.calls == []

    def test_waiting_has_an_end(self, multihead, write_task, data, run_task, tmp_path):
        with session.hold(RunConfig(data=data, output=tmp_path / "out", run_id="first")):
            code, out, err = multihead(
                *("run", write_task(), "--data", data, "--output", tmp_path / "out", "--wait-at-most", "0.1")
            )
        assert code == 5
        assert out.startswith(f"{tmp_path}/out: held by run first, process ")
        assert err.startswith(f"{tmp_path}/out: after 0.1 s still held by run first, process ")

    def test_another_folder_is_free(self, multihead, write_task, data, run_task, tmp_path):
        with session.hold(RunConfig(data=data, output=tmp_path / "out", run_id="first")):
            assert multihead("run", write_task(), "--data", data, "--output", tmp_path / "other")[0] == 0

    @pytest.mark.parametrize("result", [None, RuntimeError("killed"), KeyboardInterrupt()], ids=repr)
    def test_free_again_afterwards(self, multihead, write_task, data, run_task, result):
        passing = run_task.result
        for run_task.result in (result or passing, passing):
            code, _, _ = multihead("run", write_task(), "--data", data)
        assert (code, len(run_task.calls)) == (0, 2)


class TestRun:
    def test_pushed(self, multihead, write_task, data, run_task):
        code, out, err = multihead("run", write_task(), "--data", data)
        assert (code, err) == (0, "")
        [_, config] = run_task.calls[0]
        lines = [" ".join(line.split()) for line in out.splitlines()]
        assert lines[0].startswith("done starting TFX and TensorFlow")
        assert lines[1:] == [
            "done ExampleGen 1.5 s 1,234 rows",
            "cached Trainer 0.5 s",
            "BLESSED, pushed to /serving/4",
            " kind: accuracy is too low".strip(),
            f"report: runs/toy/reports/{config.run_id}/report.json",
            "read it: multihead report runs/toy",
        ]
        assert "chatter of TFX" in config.log.read_text()

    def test_not_blessed(self, multihead, write_task, data, run_task):
        run_task.result = {**run_task.result, "blessed": False, "pushed": None}
        code, out, _ = multihead("run", write_task(), "--data", data)
        assert code == 4
        assert "NOT BLESSED, nothing pushed\n  kind: accuracy is too low\n" in out

    @pytest.mark.parametrize(
        ("error", "expected_code", "sentence"),
        [
            (AnomaliesFound("the data contradicts schema.pbtxt:\n  column 'hour': [x]"), 3, "column 'hour': [x]"),
            (DataError("a.parquet: cannot be read"), 2, "a.parquet: cannot be read"),
            (UserError("wrong"), 2, "wrong"),
            (RuntimeError("no luck"), 1, "RuntimeError: no luck"),
            (KeyboardInterrupt(), 1, "interrupted; the same command goes on from the finished stages"),
        ],
        ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
    )
    def test_failed(self, multihead, write_task, data, run_task, error, expected_code, sentence):
        run_task.result = error
        code, out, err = multihead("run", write_task(), "--data", data)
        [_, config] = run_task.calls[0]
        assert (code, err) == (expected_code, "")
        assert "\nFAILED ExampleGen" in out
        assert out.endswith(f"{sentence}\nlog: {config.log}\n")
        assert "Traceback" not in out

    def test_what_a_stage_raised_counts_and_the_log_has_the_traceback(self, multihead, write_task, data, run_task):
        run_task.result = RuntimeError("a bundle failed")
        run_task.result.__cause__ = DataError("a.parquet: cannot be read [while running 'Write']")
        code, out, _ = multihead("run", write_task(), "--data", data)
        assert code == 2
        assert "\na.parquet: cannot be read\nlog: " in out
        log = run_task.calls[0][1].log.read_text()
        assert "Traceback" in log
        assert "a bundle failed" in log

    def test_options_reach_the_run(self, multihead, write_task, data, run_task):
        multihead(
            *("run", write_task(), "--data", data, "--output", "out", "--fresh", "--set", "training.epochs=3"),
            *("--beam-option", "direct_num_workers=2", "--beam-option", "--streaming"),
        )
        [(contract, config)] = run_task.calls
        assert contract.task.training.epochs == 3
        assert (config.data, config.output, config.fresh) == (data, Path("out"), True)
        assert config.profile.all.beam == {**local().all.beam, "direct_num_workers": "2", "streaming": True}

    def test_a_reason_reaches_the_run(self, multihead, write_task, data, run_task):
        multihead("run", write_task(), "--data", data, "--no-baseline", "labels were corrected")
        multihead("run", write_task(), "--data", data)
        assert [config.no_baseline for _, config in run_task.calls] == ["labels were corrected", None]

    @pytest.mark.parametrize("reason", ["", "  ", "\n"])
    def test_a_reason_without_a_word(self, multihead, write_task, data, run_task, reason):
        code, _, err = multihead("run", write_task(), "--data", data, "--no-baseline", reason)
        assert (code, run_task.calls) == (2, [])
        assert err == '--no-baseline: say why, for the report, such as --no-baseline "labels were corrected"\n'

    def test_everything_that_refused_the_model_is_listed(self, multihead, write_task, data, run_task):
        gates = [run_task.result["heads"]["kind"]["gates"][1] | {"reason": f"value {i} is low"} for i in range(20)]
        heads = {"kind": run_task.result["heads"]["kind"] | {"gates": gates}}
        joint = [gates[0] | {"metric": "label_consistency", "reason": "label_consistency is high"}]
        refused = {"heads": heads, "joint_gates": joint, "refusals": ["canary: no answer"]}
        run_task.result = {**run_task.result, "blessed": False, "pushed": None, **refused}
        _, out, _ = multihead("run", write_task(), "--data", data)
        reasons = ["canary: no answer", *(f"kind: value {i} is low" for i in range(20))]
        reasons += ["all heads: label_consistency is high"]
        assert "NOT BLESSED, nothing pushed\n" + "".join(f"  {reason}\n" for reason in reasons) in out

    def test_run_ids_sort_by_time(self, multihead, write_task, data, run_task):
        for _ in range(3):
            multihead("run", write_task(), "--data", data)
        run_ids = [config.run_id for _, config in run_task.calls]
        assert run_ids == sorted(set(run_ids))

    def test_a_real_data_set_that_is_not_there_is_made_once(self, multihead, monkeypatch, run_task):
        made = []

        def make(name, output):
            output.mkdir(parents=True)
            pq.write_table(pa.table({"hour": [1]}), output / "flights.parquet")
            made.append(name)
            return datasets.DatasetSummary(name, 1, ("hour",), output / "flights.parquet")

        monkeypatch.setattr(datasets, "make_dataset", make)
        assert [multihead("run", "flights")[0] for _ in range(2)] == [0, 0]
        assert made == ["flights"]
        assert [config.data for _, config in run_task.calls] == [Path("data/flights")] * 2


@pytest.fixture
def comparing(monkeypatch):
    """Stands in for the comparison: set `error` to raise one; `calls` are the comparisons asked for."""
    stand_in = types.ModuleType("pipeline.compare.run")
    stand_in.error, stand_in.calls = None, []

    def compare(cells, num_seeds, config, progress):
        stand_in.calls.append((cells, num_seeds, config))
        progress.start("trunk.type=shared, seed 0")
        print("chatter of Keras")
        if stand_in.error is not None:
            raise stand_in.error
        progress.done("trunk.type=shared, seed 0", "1.5 s", is_cached=True)
        progress.show("the table", "comparison: x.json")

    stand_in.compare = compare
    monkeypatch.setitem(sys.modules, "pipeline.compare.run", stand_in)
    monkeypatch.setattr(pipeline.compare, "run", stand_in, raising=False)
    return stand_in


class TestCompare:
    def test_grid_seeds_and_folders_reach_the_comparison(self, multihead, write_task, data, comparing):
        options = ("--set", "trunk.type=shared,ple", "--set", "training.epochs=3", "--seeds", "2", "--output", "out")
        code, out, err = multihead("compare", write_task(), "--data", data, *options)
        assert (code, err) == (0, "")
        [(cells, num_seeds, config)] = comparing.calls
        assert [cell.label for cell in cells] == ["trunk.type=shared", "trunk.type=ple"]
        assert (num_seeds, config.data, config.output) == (2, data, Path("out"))
        lines = [" ".join(line.split()) for line in out.splitlines()]
        assert lines[0].startswith("done starting TFX and TensorFlow")
        assert lines[1:] == ["cached trunk.type=shared, seed 0 1.5 s", "the table", "comparison: x.json"]
        assert "chatter of Keras" in config.log.read_text()

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            ([], "nothing to compare: "),
            (["--set", "trunk.type=ple", "--seeds", "0"], "--seeds 0: "),
            (["--set", "trunk.type="], "1 problem:\n--set trunk.type=: trunk.type: a value is empty"),
            (["--set", "trunk.typ=ple"], "1 problem:\n--set trunk.typ: trunk.typ: unknown key"),
            (["--set", "trunk.type=ple", "--data", "none"], "none: no such file or folder"),
        ],
        ids=["no set", "seeds", "empty", "key", "data"],
    )
    def test_mistakes(self, multihead, write_task, comparing, options, expected):
        code, out, err = multihead("compare", write_task(), *options)
        assert (code, out) == (2, "")
        assert err.startswith(expected)
        assert comparing.calls == []

    @pytest.mark.parametrize(
        ("error", "expected_code", "sentence"),
        [
            (AnomaliesFound("the data contradicts schema.pbtxt"), 3, "the data contradicts schema.pbtxt"),
            (KeyboardInterrupt(), 1, "interrupted; the same command goes on from the finished stages and trainings"),
        ],
        ids=["anomalies", "interrupted"],
    )
    def test_failed(self, multihead, write_task, data, comparing, error, expected_code, sentence):
        comparing.error = error
        code, out, _ = multihead("compare", write_task(), "--data", data, "--set", "trunk.type=ple")
        assert code == expected_code
        assert "\nFAILED trunk.type=shared, seed 0" in out
        assert f"\n{sentence}\nlog: runs/toy/logs/" in out

    def test_busy(self, multihead, write_task, data, comparing, tmp_path):
        with session.hold(RunConfig(data=data, output=tmp_path / "out", run_id="first")):
            options = ("--set", "trunk.type=ple", "--data", data, "--output", tmp_path / "out")
            code, _, err = multihead("compare", write_task(), *options)
        assert code == 5
        assert "held by run first" in err
        assert comparing.calls == []


class TestReport:
    def test_nothing(self, multihead):
        code, out, err = multihead("report", "runs/none")
        assert (code, out) == (2, "")
        assert err == "runs/none: no report.json there; give a run's folder such as runs/flights, or a report\n"

    def test_not_a_report(self, multihead, tmp_path):
        (tmp_path / "report.json").write_text('{"format": 2}')
        code, _, err = multihead("report", tmp_path / "report.json")
        assert (code, err) == (2, f"{tmp_path}/report.json: not a report of format 1\n")

    @pytest.mark.parametrize("heads", [{"a": {}}, [], {"a": {"classes": 3}}])
    def test_not_a_whole_report(self, multihead, report, tmp_path, heads):
        (tmp_path / "report.json").write_text(json.dumps(report | {"heads": heads}))
        code, _, err = multihead("report", tmp_path / "report.json")
        assert code == 2
        assert err.startswith(f"{tmp_path}/report.json: not a whole report: ")

    @pytest.mark.parametrize("given", ["runs/toy", "runs/toy/reports/r1/report.json"], ids=["run", "file"])
    def test_tables(self, multihead, report, given):
        document.write(Path("runs/toy/reports/r1"), report)
        code, out, err = multihead("report", given)
        assert (code, err) == (0, "")
        assert out.startswith(
            "NOT BLESSED, nothing pushed\ntoy, run 20260101-000000, compared with /runs/toy/serving/3\n"
        )
        assert "accuracy is too low" in out

    def test_nothing_is_folded_where_no_terminal_reads(self, multihead, report, monkeypatch):
        monkeypatch.setenv("COLUMNS", "40")
        reason = "accuracy on colour=red is 0.8000, " + "far " * 100 + "below min 0.85"
        report["heads"]["kind"]["gates"][1]["reason"] = reason
        report["heads"]["kind"]["gates"][1]["slice"] = {"colour": "red " * 100 + "brown"}
        document.write(Path("r1"), report)
        _, out, _ = multihead("report", "r1")
        assert f"kind: {reason}" in out.splitlines()
        assert sum("accuracy on colour=red" in line and "red brown" in line for line in out.splitlines()) == 1

    def test_values_in_brackets_are_shown_as_they_are(self, multihead, report):
        report["heads"]["kind"]["classes"] = ["[red]", ":cat:"]
        report["heads"]["kind"]["slices"][0]["slice"] = {"colour": "[/x]"}
        report["heads"]["kind"]["slices"][0]["metrics"]["auc"] = 0.0
        document.write(Path("r1"), report)
        code, out, _ = multihead("report", "r1")
        assert code == 0
        assert "[red], :cat:" in out
        assert "colour=[/x]" in out

    def test_page(self, multihead, report):
        document.write(Path("r1"), report)
        code, out, err = multihead("report", "r1", "--html", "new/page.html")
        assert (code, err) == (0, "")
        assert out.endswith("page: new/page.html\n")
        assert "accuracy is too low" in Path("new/page.html").read_text()

    def test_page_that_cannot_be_written(self, multihead, report):
        document.write(Path("r1"), report)
        code, _, err = multihead("report", "r1", "--html", "r1")
        assert (code, err) == (2, "r1: the page cannot be written there (Is a directory); give another file\n")


class TestProcess:
    """What only a process of its own can show."""

    def test_tensorflow_is_not_loaded_for_help_checks_reports_or_wrong_input(self, write_task, data, report, tmp_path):
        folder = str(write_task())
        (tmp_path / "broken.parquet").write_bytes(b"PAR1")
        document.write(tmp_path / "report", report)
        calls = [
            (["--help"], 0),
            (["run", "--help"], 0),
            (["validate", folder], 0),
            (["validate", folder, "--set", "training.epochs=0"], 2),
            (["run", folder, "--set", "training.epochs=0"], 2),
            (["run", folder, "--data", str(tmp_path / "none")], 2),
            (["run", folder, "--data", str(tmp_path / "broken.parquet")], 2),
            (["run", folder, "--data", str(data), "--output", str(data)], 2),
            (["compare", "--help"], 0),
            (["compare", folder, "--set", "training.epochs=0,1"], 2),
            (["compare", folder, "--set", "training.epochs=1,2", "--data", str(tmp_path / "none")], 2),
            (["report", str(tmp_path / "report")], 0),
            (["report", str(tmp_path / "report"), "--html", str(tmp_path / "page.html")], 0),
            (["report", folder], 2),
            (["rollback", "--help"], 0),
            (["rollback", folder], 2),
        ]
        code = """
import json, sys
from pipeline.cli import main
codes = []
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["multihead", *arguments]
    try:
        main()
    except SystemExit as finished:
        codes.append(finished.code)
loaded = {"tensorflow", "tfx", "apache_beam", "keras", "ml_metadata"} & sys.modules.keys()
print(json.dumps([codes, sorted(loaded)]))
"""
        command = [sys.executable, "-c", code, json.dumps([arguments for arguments, _ in calls])]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
        assert json.loads(done.stdout.splitlines()[-1]) == [[code for _, code in calls], []]

    def test_with_tensorflow_loaded_it_leaves_at_once_with_code_and_output(self, tmp_path, report):
        # TensorFlow can crash while the interpreter shuts down, when all is done: nothing may run then.
        document.write(tmp_path / "report", {**report, "heads": {}})
        code = """
import atexit, sys, types
from pipeline.cli import main
sys.modules["tensorflow"] = types.ModuleType("tensorflow")
atexit.register(print, "pure virtual method called")
main()
"""
        for folder, expected in (("report", 0), ("none", 2)):
            command = [sys.executable, "-c", code, "report", folder]
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
            assert done.returncode == expected
            assert ("NOT BLESSED" in done.stdout, "no report.json" in done.stderr) == (not expected, bool(expected))
            assert "pure virtual method called" not in done.stdout
