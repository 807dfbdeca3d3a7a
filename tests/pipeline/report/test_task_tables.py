"""A task on the terminal."""

import io

from rich.console import Console

from pipeline.report.task_tables import render
from schema.contract import load_contract


def text(contract, width=200):
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False, emoji=False)
    console.print(render(contract))
    return console.file.getvalue()


def cells(contract):
    lines = [line.strip("│").split("│") for line in text(contract).splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line] for line in lines]


def test_features_and_heads(write_task):
    folder = write_task()
    contract = load_contract(folder, ["heads.size.loss.class_weights={small: 2}", "heads.size.loss.weight=3"])
    assert text(contract).splitlines()[0] == f"{folder}: 2 features, 2 heads, ok"
    assert cells(contract) == [
        ["amount", "FLOAT", "numeric", "scaling zscore, missing_indicator True"],
        ["colour", "BYTES", "categorical", "vocabulary 10, oov 1, embedding 4"],
        ["kind", "cat, dog", "cross_entropy", "1", "none", "-"],
        ["size", "small, large, huge", "cross_entropy", "3", "small 2", "kind"],
        ["kind", "auc min 0.6 on colour=red"],
        ["size", "none"],
    ]


def test_nothing_is_cut_off_where_there_is_little_room(write_task):
    assert "…" not in text(load_contract(write_task()), width=60)
