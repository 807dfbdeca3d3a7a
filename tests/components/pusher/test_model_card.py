"""The card: facts only, limits from facts, tables that no name can break."""

import json
import re

import pytest

from components.pusher.history import Record
from components.pusher.model_card import JSON_FILE, MARKDOWN_FILE, files, markdown
from schema.gates import METRICS

RECORD = Record(1234, 1234, "run", "2026-01-02T03:04:05+00:00", "r1", "/m/7", "t1", "/s/3", "")


def tables(text):
    """Rows of cells by table, as GitHub reads them: a pipe behind a backslash ends no cell."""
    found, last = [], None
    for number, line in enumerate(text.splitlines()):
        if line.startswith("|"):
            if last != number - 1:
                found.append([])
            found[-1].append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
            last = number
    return found


def shown(cell):
    """What a reader sees of a cell."""
    return re.sub(r"\\([\\`*_\[\]<>|~&])", r"\1", cell)


def test_its_parts(card):
    found = card(RECORD)
    assert json.loads(files(found)[JSON_FILE]) == found
    assert files(found)[MARKDOWN_FILE].decode() == markdown(found)
    headings = re.findall(r"^#+ .*$", markdown(found), re.MULTILINE)
    assert headings == [
        "# Model card: toy, version 1234",
        "## Model details",
        "## Data",
        "## Features",
        "## Heads",
        "### kind",
        "### tags",
        "## Metrics",
        "## Slices",
        "## Gates",
        "## Limits",
    ]


def test_every_figure_is_where_it_belongs(card):
    details, data, features, kind, tags, metrics, worst, gates = tables(markdown(card(RECORD)))
    assert dict(details[2:]) == {
        "task": "toy",
        "version": "1234",
        "pushed": "2026-01-02T03:04:05+00:00",
        "run": "r1",
        "verdict": "every gate held",
        "compared with": "/s/3",
        "comparison": "compared with version 3",
        "training digest": "t1",
        "data digest": "d1",
        "code digests": "Trainer c1, Report c2",
        "libraries": "python 3.10.1, keras 3.12",
    }
    assert data == [
        ["", "train", "eval", "test"],
        ["---", "---:", "---:", "---:"],
        ["rows", "9,000", "1,100", "600"],
        ["labelled for kind", "8,000", "1,000", "500"],
        ["labelled for tags", "10", "2", "1"],
    ]
    assert features[2:] == [["amount", "numeric", "25%"], ["colour", "categorical", "0%"]]
    assert kind[2:] == [["cat", "6,000", "500", "499", "likeliest"], ["dog", "2,000", "500", "1", "likeliest"]]
    assert tags[2:] == [["round", "-", "-", "-", "0.2500"], ["soft", "-", "-", "-", "0.7500"]]
    assert metrics[0] == ["head", *METRICS, "ece uncalibrated"]
    assert [row[0] for row in metrics[2:]] == ["kind", "kind, baseline", "tags"]
    assert metrics[2][1:4] == ["0.9100", "-", "0.8765"]
    assert metrics[2][-2:] == ["0.0100", "0.0500"]
    assert worst[2:] == [["colour=blue", "100", "0.6000"], ["colour=red", "300", "0.9000"]]
    assert [row[:5] for row in gates[2:]] == [
        ["kind", "auc", "all rows", "0.7000", "-"],
        ["kind", "accuracy", "colour=red", "0.5000", "-"],
        ["all together", "exact_match", "all rows", "0.1000", "-"],
    ]
    assert {row[-1] for row in gates[2:]} == {"ok"}
    assert all(len(row) == len(table[0]) for table in tables(markdown(card(RECORD))) for row in table)


def test_limits_come_from_the_figures(card):
    assert card(RECORD)["limits"] == [
        "Head kind: 2 of 4 slices have fewer than 100 labelled rows in test: colour=one class (0), "
        "colour=green, size=3 (99).",
        "Head tags has no gates: it is served whatever its metrics are.",
        "Head tags: new head.",
        "Gates of kind: max_drop not applied: a new head.",
    ]


@pytest.mark.parametrize(
    ("change", "limit"),
    [
        (lambda r, d: d["label_counts"]["kind"]["dog"].update(test=0), "Head kind: no row of test has dog: never meas"),
        (lambda r, d: d["label_counts"]["kind"]["cat"].update(train=0), "Head kind: no row of train has cat: never l"),
        (lambda r, d: d["features"][0].update(missing=1.0), "Feature amount has no value in any row."),
        (lambda r, d: d["features"][0].update(missing=0.5), "Feature amount is missing in 50% of the rows."),
        (lambda r, d: r["heads"]["kind"].update(overall={}), "Head kind has no labelled row in test: nothing was meas"),
    ],
)
def test_a_limit_per_fact(card, report, data, change, limit):
    assert not any(found.startswith(limit) for found in card(RECORD)["limits"])
    change(report, data)
    assert sum(found.startswith(limit) for found in card(RECORD)["limits"]) == 1


def test_without_limits_slices_or_gates_it_says_so(card, report):
    del report["heads"]["tags"]
    report["heads"]["kind"] |= {"slices": [], "gates": [{**report["heads"]["kind"]["gates"][1]}]}
    text = markdown(card(RECORD))
    assert "No slice of any head has 100 labelled rows in test.\n" in text
    assert text.endswith("## Limits\n\nNone that the figures show.\n")


def test_a_first_model(card):
    first = card(Record(1, 1, "run", "", "r1", "/m/7", "t1", None, ""))
    assert first["limits"][0].startswith("It was not compared with an earlier model")
    assert "| compared with | no earlier model |" in markdown(first)


def test_a_report_without_the_newer_keys(card, report):
    for key in ("comparison", "joint_gates", "joint_baseline"):
        del report[key]
    for head in report["heads"].values():
        del head["baseline"], head["note"]
        for gate in head["gates"]:
            del gate["note"]
    assert "## Gates" in markdown(card(RECORD))


def test_many_classes_are_named_in_the_other_file(card, report, data):
    classes = [f"c{i}" for i in range(40)]
    report["heads"]["kind"] |= {"classes": classes, "thresholds": dict.fromkeys(classes, 0.025)}
    data["label_counts"]["kind"] = None
    text = markdown(card(RECORD))
    assert "| c29 |" in text
    assert "| c30 |" not in text
    assert "\n10 more are in model_card.json.\n" in text


NASTY = ["a|b", "two\nlines", "cr\r\nlf", "\u2028\x85\v", "<b>&amp;", "`code`", "*bold* __bold__", "[a](http://b)", ""]


@pytest.mark.parametrize("name", [*NASTY, "\\|", "{{ card }}", "{% for %}", "very_late", "\ud800"])
def test_names_of_users_break_no_table(card, report, data, name):
    plain = [[len(row) for row in table] for table in tables(markdown(card(RECORD)))]
    rename = {"cat": name}
    kind = report["heads"]["kind"]
    kind["classes"] = [name, "dog"]
    kind["thresholds"] = {name: 0.3, "dog": 0.7}
    kind["slices"][0]["slice"] = {"colour": name}
    kind["slices"][2]["slice"] = {"colour": name}
    kind["gates"][1]["slice"] = {"colour": name}
    data["features"][0]["name"] = data["source"] = name
    counts = data["label_counts"]["kind"]
    data["label_counts"]["kind"] = {rename.get(label, label): count for label, count in counts.items()}
    found = card(RECORD)
    text = markdown(found)
    assert [[len(row) for row in table] for table in tables(text)] == plain
    expected = " ".join(name.split()) or "(empty)"
    assert shown(tables(text)[3][2][0]) == expected
    assert "<b>" not in text
    assert set(files(found)) == {JSON_FILE, MARKDOWN_FILE}


def test_names_inside_words_stay_readable(card, report):
    report["heads"]["kind"]["classes"] = ["very_late", "dog"]
    report["heads"]["kind"]["thresholds"] = {"very_late": 0.3, "dog": 0.7}
    found = card(RECORD) | {"limits": []}
    found["heads"]["kind"]["label_counts"] = None
    assert "| very_late | - |" in markdown(found)
