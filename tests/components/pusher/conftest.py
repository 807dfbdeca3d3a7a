import pytest

from components.pusher.serving import push


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "serving"


@pytest.fixture
def model(tmp_path):
    """What a SavedModel looks like from outside."""
    (tmp_path / "model" / "variables").mkdir(parents=True)
    (tmp_path / "model" / "saved_model.pb").write_text("graph")
    (tmp_path / "model" / "variables" / "variables.index").write_text("weights")
    return tmp_path / "model"


@pytest.fixture
def push_named(model, folder):
    """Pushes models by name: a letter stands for the artifact, and its capital for the training."""

    def run(*sources, **options):
        for source in sources:
            (model / "variables" / "variables.index").write_text(f"weights of {source}")
            given = {"source": source, "training": source[0].upper(), "baseline": None} | options
            pushed = push(model, folder, **given)
        return pushed

    return run


def gate(metric, value, **given):
    defaults = {"slice": {}, "min": None, "max": None, "max_drop": None, "baseline": None, "ok": True, "reason": ""}
    return {"metric": metric, "value": value, "note": None, "labelled": 500} | defaults | given


@pytest.fixture
def report():
    """What the Report stage says of a blessed model: a head of classes, a head of tags without gates."""
    slices = [
        {"slice": {"colour": "red"}, "labelled": 300, "metrics": {"auc": 0.9, "accuracy": 0.8}},
        {"slice": {"colour": "blue"}, "labelled": 100, "metrics": {"auc": 0.6, "accuracy": 0.9}},
        {"slice": {"colour": "green", "size": 3}, "labelled": 99, "metrics": {"auc": 0.1}},
        {"slice": {"colour": "one class"}, "labelled": 0, "metrics": {}},
    ]
    return {
        "blessed": True,
        "comparison": "compared with version 3",
        "heads": {
            "kind": {
                "type": "multiclass",
                "classes": ["cat", "dog"],
                "thresholds": {"cat": 0.5, "dog": 0.5},
                "labelled": {"train": 8000, "eval": 1000, "test": 500},
                "overall": {"accuracy": 0.91, "auc": 0.87654, "ece": 0.01, "ece_uncalibrated": 0.05},
                "baseline": {"accuracy": 0.9},
                "note": None,
                "slices": slices,
                "gates": [
                    gate("auc", 0.87654, min=0.7, max_drop=0.01, note="max_drop not applied: a new head"),
                    gate("accuracy", 0.8, min=0.5, slice={"colour": "red"}),
                ],
            },
            "tags": {
                "type": "multilabel",
                "classes": ["round", "soft"],
                "thresholds": {"round": 0.25, "soft": 0.75},
                "labelled": {"train": 10, "eval": 2, "test": 1},
                "overall": {"accuracy": 0.5},
                "baseline": None,
                "note": "new head",
                "slices": [],
                "gates": [],
            },
        },
        "joint": {"exact_match": 0.5, "hamming_loss": 0.25},
        "joint_gates": [gate("exact_match", 0.5, min=0.1)],
        "joint_baseline": None,
    }


@pytest.fixture
def provenance():
    return {
        "task": "toy",
        "run_id": "r1",
        "data": "/data/toy",
        "data_fingerprint": "d1",
        "code": {"Trainer": "c1", "Report": "c2"},
        "versions": {"python": "3.10.1", "keras": "3.12"},
    }


@pytest.fixture
def data():
    """Rows, features and label counts behind the report."""
    return {
        "source": "/data/toy",
        "rows": {"train": 9000, "eval": 1100, "test": 600},
        "features": [
            {"name": "amount", "type": "numeric", "missing": 0.25},
            {"name": "colour", "type": "categorical", "missing": 0.0},
        ],
        "label_counts": {
            "kind": {
                "cat": {"train": 6000, "eval": 500, "test": 499},
                "dog": {"train": 2000, "eval": 500, "test": 1},
            },
            "tags": None,
        },
    }


@pytest.fixture
def card(report, provenance, data):
    """Makes the card of a push."""
    from components.pusher.model_card import make_card

    return lambda record: make_card(record, report, provenance, data)
