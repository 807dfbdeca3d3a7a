"""A task on the terminal."""

import io

import pytest
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


def test_every_part_of_a_task(write_task):
    folder = write_task()
    contract = load_contract(folder, ["heads.size.loss.class_weights={small: 2}", "heads.size.loss.weight=3"])
    assert text(contract).splitlines()[0] == f"{folder}: 2 features, 2 heads, ok"
    training = (
        "epochs 20, batch_size 1024, learning_rate 0.001, optimizer adam, schedule constant (warmup_epochs 0), "
        "early_stopping (patience 3), warm_start False, balancing fixed, seed 0"
    )
    assert cells(contract) == [
        ["amount", "FLOAT", "numeric", "scaling zscore, missing_indicator True, encoder plain"],
        ["colour", "BYTES", "categorical", "vocabulary 10, oov 1, embedding 4"],
        ["kind", "multiclass", "cat, dog", "-"],
        ["size", "multiclass", "small, large, huge", "kind (features)"],
        ["kind", "cross_entropy", "1", "none", "temperature", "-"],
        ["size", "cross_entropy", "3", "small 2", "temperature", "-"],
        ["trunk", "shared (dropout 0.1, feature_dropout 0, members 1, units [128, 64])"],
        ["training", training],
        ["kind", "auc min 0.6 on colour=red"],
        ["size", "none"],
    ]


@pytest.mark.parametrize(
    ("override", "shown"),
    [
        ("features.amount.encoder={type: piecewise_linear, bins: 48}", "encoder piecewise_linear (bins 48)"),
        ("heads.size.depends_on=[{head: kind, mode: probs}]", "kind (probs)"),
        ("heads.kind.calibration=none", "none"),
        ("heads.kind.threshold={metric: f1}", "best f1"),
        ("heads.kind.loss={type: focal, gamma: 1.5}", "focal (gamma 1.5)"),
        ("trunk.members=8", "shared (dropout 0.1, feature_dropout 0, members 8, units [128, 64])"),
        ("training.optimizer={type: adamw}", "optimizer adamw (weight_decay 0.01)"),
        ("gates.size=[{metric: ece, max: 0.1}]", "ece max 0.1"),
        ("gates.kind.0.slice=colour", "auc min 0.6 on every colour of 100 labelled rows or more"),
        ("gates.kind.0.slice=[colour, year]", "on every colour, year of 100 labelled rows or more"),
        ("gates.kind.0.min_labelled=7", "on colour=red of 7 labelled rows or more"),
        ("gates.joint=[{metric: exact_match, min: 0.5}]", "exact_match min 0.5"),
    ],
)
def test_what_is_chosen_is_shown(write_task, override, shown):
    folder = write_task()
    default, chosen = (text(load_contract(folder, given), width=400) for given in ([], [override]))
    assert chosen.count(shown) == default.count(shown) + 1


def test_nothing_is_cut_off_where_there_is_little_room(write_task):
    assert "…" not in text(load_contract(write_task()), width=60)
