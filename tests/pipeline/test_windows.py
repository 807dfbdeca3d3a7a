"""Which runs a command is: spans, windows, what was judged already, and what is made up for."""

import dataclasses
import json
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import execute, session, windows
from pipeline.cli import main
from pipeline.config import RunConfig
from pipeline.identity import data_fingerprint, run_key, stored_key
from pipeline.report import tables
from pipeline.verdicts import find_verdict
from pipeline.windows import Wanted, candidates, choose, load_by_span
from schema.contract import load_contract
from schema.data import HashSplit, SpanSplit
from schema.errors import DataError, UserError

DAYS = "data.spans=date={YYYY}-{MM}-{DD}"


def write(data, day, rows=5):
    folder = data / f"date=2013-01-{day:02d}"
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"amount": [1.5] * rows}), folder / "rows.parquet")


@pytest.fixture
def data(tmp_path):
    """Days 1 to 6 without the fourth."""
    for day in (1, 2, 3, 5, 6):
        write(tmp_path / "days", day)
    return tmp_path / "days"


@pytest.fixture
def config(data, tmp_path):
    return RunConfig(data, tmp_path / "run", "r1")


@pytest.fixture
def contract(write_task):
    return load_contract(write_task(), [DAYS])


def labels(runs):
    return [run.spans[-1].label for run in runs]


class TestChoose:
    def test_the_latest_day_alone_if_nothing_is_said(self, contract, config):
        chosen = choose(contract, config)
        assert (labels([chosen]), len(chosen.spans), chosen.missing) == (["2013-01-06"], 1, ())
        assert config.spans == ()

    def test_a_window_and_what_is_missing_in_it(self, contract, config):
        chosen = choose(contract, config, "2013-01-05", 4)
        assert [span.label for span in chosen.spans] == ["2013-01-02", "2013-01-03", "2013-01-05"]
        expected = {"first": "2013-01-02", "last": "2013-01-05", "spans": 3, "missing": ["2013-01-04"]}
        assert chosen.window == expected
        assert tables.spans("2013-01-05", expected | {"empty": []}) == (
            "span 2013-01-05, window of 3 spans from 2013-01-02, not there: 2013-01-04"
        )

    def test_a_day_that_is_not_there(self, contract, config):
        with pytest.raises(DataError, match=r"days: span 2013-01-04 is not there.*nearest: 2013-01-03 and 2013-01-05"):
            choose(contract, config, "2013-01-04")

    def test_an_empty_newest_day_names_the_newest_with_rows(self, contract, config, data):
        write(data, 7, rows=0)
        write(data, 5, rows=0)
        with pytest.raises(DataError, match=r"span 2013-01-07 has no rows; the newest span before it .* is 2013-01-06"):
            choose(contract, config)
        with pytest.raises(DataError, match=r"span 2013-01-05 has no rows; .* is 2013-01-03"):
            choose(contract, config, "2013-01-05", 3)
        assert len(choose(contract, config, "2013-01-06", 3).spans) == 2

    def test_by_span_older_days_are_needed(self, write_task, config):
        contract = load_contract(write_task(), [DAYS, "data.split={by: span, newest: 2}"])
        assert len(choose(contract, config, "2013-01-03", 3).spans) == 3
        with pytest.raises(UserError, match=r"a window of 1 up to 2013-01-06 has 1 span; give --window of 3 or more"):
            choose(contract, config)
        with pytest.raises(UserError, match=r"a window of 3 up to 2013-01-02 has 2 spans; .*or a later --span"):
            choose(contract, config, "2013-01-02", 3)

    def test_data_without_spans_is_as_it_is(self, write_task, config):
        assert choose(load_contract(write_task()), config) is config


class TestIdentity:
    def test_what_lies_outside_the_window_does_not_count(self, contract, config, data):
        def seen():
            run = choose(contract, config, "2013-01-05", 3)
            return data_fingerprint(contract, data, run.spans), run_key(contract, run)

        before = seen()
        write(data, 7), write(data, 1)
        assert seen() == before
        write(data, 4)
        assert seen() != before

    def test_a_corrected_day_counts(self, contract, config, data):
        before = run_key(contract, choose(contract, config, "2013-01-05", 3))
        write(data, 3, rows=6)
        assert run_key(contract, choose(contract, config, "2013-01-05", 3)) != before

    def test_window_and_task_count(self, write_task, config):
        contracts = [load_contract(write_task(), [DAYS, *more]) for more in ((), ["gates.kind=none"])]
        keys = {run_key(one, choose(one, config, "2013-01-05", window)) for one in contracts for window in (1, 2, 3)}
        assert len(keys) == 4  # The fourth is not there, so that a window of two is the same as of one.

    def test_how_a_day_is_stored_does_not_depend_on_how_many_days_judge(self, write_task, config):
        def keys(*more):
            contract = load_contract(write_task(), [DAYS, *more])
            return [stored_key(contract, span) for span in windows.find(contract, config.data)]

        by_span = keys("data.split={by: span}")
        assert keys("data.split={by: span, newest: 5}") == by_span
        assert not set(keys("data.split={by: span, key: [year]}")) & set(by_span)
        assert not set(keys()) & set(by_span)


class TestOptions:
    def test_split_by_span(self, write_task):
        assert load_by_span(write_task(), [DAYS]).task.data.split == SpanSplit(by="span")
        own = load_by_span(write_task(), [DAYS, "data.split={by: span, newest: 3}"])
        assert own.task.data.split.newest == 3
        assert isinstance(load_contract(write_task(), [DAYS]).task.data.split, HashSplit)

    @pytest.mark.parametrize(
        ("wanted", "option"),
        [
            (Wanted(span="2013-01-05"), "--span"),
            (Wanted(window=3), "--window"),
            (Wanted(first="2013-01-05"), "--from"),
            (Wanted(last="2013-01-05"), "--to"),
            (Wanted(if_new=True), "--if-new"),
        ],
    )
    def test_without_spans(self, write_task, config, wanted, option):
        with pytest.raises(UserError, match=rf"^{option}: the data of task toy has no spans; say where .* data.spans"):
            candidates(load_contract(write_task()), config, wanted)

    @pytest.mark.parametrize(
        ("wanted", "expected"),
        [
            (Wanted(last="2013-01-05"), "--to: ends what --from begins"),
            (Wanted(span="2013-01-05", first="2013-01-01"), "--span: with --from"),
            (Wanted(if_new=True, anew="--fresh"), "--fresh: asks for a new verdict, and --if-new for none"),
            (
                Wanted(first="2013-02-01", last="2013-03-01"),
                "no span from 2013-02-01 to 2013-03-01 is there; there are",
            ),
            (Wanted(first="May"), "'May' is no span of date="),
        ],
    )
    def test_contradictions(self, contract, config, wanted, expected):
        with pytest.raises(UserError, match=expected):
            candidates(contract, config, wanted)

    def test_from_and_to_are_the_days_that_are_there_and_have_rows(self, contract, config, data):
        write(data, 2, rows=0)
        runs, sentences = candidates(contract, config, Wanted(first="2013-01-02", last="2013-01-05", window=2))
        assert labels(runs) == ["2013-01-03", "2013-01-05"]
        [sentence] = sentences
        assert "date=2013-01-02: span 2013-01-02 has no rows" in sentence
        assert labels(candidates(contract, config, Wanted(first="2013-01-05"))[0]) == ["2013-01-05", "2013-01-06"]


class TestVerdicts:
    def report(self, config, run_id, **content):
        folder = dataclasses.replace(config, run_id=run_id).reports
        folder.mkdir(parents=True)
        (folder / "report.json").write_text(json.dumps({"run_id": run_id, "blessed": False, **content}))

    def test_the_newest_of_the_key(self, config):
        assert find_verdict(config.output, "k") is None
        for run_id, key in (("1", "k"), ("2", "k"), ("3", "other")):
            self.report(config, run_id, key=key)
        assert find_verdict(config.output, "k")["run_id"] == "2"

    def test_reports_that_mention_a_key_or_have_none(self, config):
        self.report(config, "1", task="k")
        assert find_verdict(config.output, "k") is None


@pytest.fixture
def multihead(contract, data, tmp_path, monkeypatch, capsys):
    """Runs `multihead run` with something in place of the pipeline; `judged` are the days that it was asked for."""
    monkeypatch.chdir(tmp_path)
    judged, outcome = [], {}

    def run_once(contract, config, webhook):
        day = config.spans[-1].label
        judged.append(day)
        if isinstance(error := outcome.get(day), Exception):
            raise error
        report = {"run_id": config.run_id, "key": run_key(contract, config), "blessed": outcome.get(day, True)}
        config.reports.mkdir(parents=True)
        (config.reports / "report.json").write_text(json.dumps(report | {"pushed": None}))
        return report

    def run(*options):
        judged.clear()
        capsys.readouterr()
        arguments = ["multihead", "run", str(contract.folder), "--data", str(data), "--set", DAYS, *options]
        monkeypatch.setattr(sys, "argv", arguments)
        monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
        with pytest.raises(SystemExit) as finished:
            main()
        captured = capsys.readouterr()
        return finished.value.code, list(judged), captured.out + captured.err

    monkeypatch.setattr(execute, "run_once", run_once)
    run.outcome = outcome
    return run


class TestIfNew:
    def test_what_has_a_verdict_is_not_run_again(self, multihead):
        assert multihead("--if-new")[:2] == (0, ["2013-01-06"])
        code, judged, out = multihead("--if-new")
        assert (code, judged) == (0, [])
        assert "span 2013-01-06: judged already by run 2" in out
        assert "blessed" in out
        assert "nothing to do" in out
        assert multihead()[:2] == (0, ["2013-01-06"])

    def test_a_refusal_is_a_verdict(self, multihead):
        multihead.outcome["2013-01-06"] = False
        assert multihead("--if-new")[:2] == (4, ["2013-01-06"])
        code, judged, out = multihead("--if-new")
        assert (code, judged) == (0, [])
        assert "not blessed" in out

    def test_a_failure_is_none(self, multihead):
        multihead.outcome["2013-01-06"] = DataError("broken")
        assert multihead("--if-new")[0] == 2
        assert multihead("--if-new")[:2] == (2, ["2013-01-06"])

    @pytest.mark.parametrize("options", [["--window", "3"], ["--span", "2013-01-05"], ["--set", "training.epochs=1"]])
    def test_another_window_span_or_task_is_new(self, multihead, options):
        multihead("--if-new")
        assert len(multihead("--if-new", *options)[1]) == 1

    def test_a_day_that_arrived_or_was_corrected_is_new(self, multihead, data):
        multihead("--if-new")
        write(data, 7)
        assert multihead("--if-new")[1] == ["2013-01-07"]
        write(data, 7, rows=9)
        assert multihead("--if-new")[1] == ["2013-01-07"]
        assert multihead("--if-new")[1] == []


class TestFromTo:
    def test_missing_days_in_order_and_only_once(self, multihead):
        multihead("--span", "2013-01-03")
        code, judged, out = multihead("--from", "2013-01-02", "--to", "2013-01-05")
        assert (code, judged) == (0, ["2013-01-02", "2013-01-05"])
        assert "span 2013-01-03: judged already" in out
        assert "to run: 2013-01-02, 2013-01-05" in out
        assert multihead("--from", "2013-01-02", "--to", "2013-01-05")[1] == []

    def test_the_first_failure_is_the_end(self, multihead):
        multihead.outcome["2013-01-03"] = DataError("broken")
        assert multihead("--from", "2013-01-01")[:2] == (2, ["2013-01-01", "2013-01-02", "2013-01-03"])
        del multihead.outcome["2013-01-03"]
        assert multihead("--from", "2013-01-01")[:2] == (0, ["2013-01-03", "2013-01-05", "2013-01-06"])

    def test_a_refused_model_is_no_failure(self, multihead):
        multihead.outcome["2013-01-05"] = False
        assert multihead("--from", "2013-01-05")[:2] == (4, ["2013-01-05", "2013-01-06"])

    def test_every_run_has_a_name_of_its_own(self, multihead, tmp_path):
        multihead("--from", "2013-01-01")
        assert len(list((tmp_path / "runs" / "toy" / "reports").iterdir())) == 5

    def test_a_busy_folder(self, multihead, tmp_path):
        with session.hold(RunConfig(tmp_path, tmp_path / "runs" / "toy", "first")):
            assert multihead("--from", "2013-01-01")[:2] == (5, [])
