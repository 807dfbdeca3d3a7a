"""Reports as runs of this version write them, with everything that the page can show."""

import math

import pytest

SLICES = ("EWR", "JFK", "LGA")


@pytest.fixture(autouse=True)
def _draw_once(draw_once):
    """Every test here."""


def gate(metric, value, **given):
    """A gate as the verdict writes it."""
    bounds = {bound: given.pop(bound, None) for bound in ("min", "max", "max_drop")}
    rest = {
        "slice": {},
        "every": None,
        "min_labelled": 1,
        "labelled": 999,
        "baseline": None,
        "reason": "",
        "note": None,
    }
    rest |= given
    return {"metric": metric, **bounds, **rest, "value": value, "ok": not rest["reason"]}


def head(classes, multilabel=False, gates=(), baseline=None, note=None, slices=()):
    """A head as the Report stage writes it."""
    overall = {
        "accuracy": 0.91,
        "balanced_accuracy": 0.8,
        "auc": 0.8765,
        "macro_f1": 0.79,
        "log_loss": 0.25,
        "ece": 0.0123,
        "ece_uncalibrated": 0.0456,
    }
    size = len(classes)
    matrix = [[200 if i == j else 3 * i + j for j in range(size)] for i in range(size)]
    tags = {tag: [[700 - i, i], [2 * i, 90]] for i, tag in enumerate(classes)}
    ranked = classes if multilabel or size > 2 else classes[1:]
    rising, falling = list(range(20)), list(range(20, 0, -1))
    return {
        "type": "multilabel" if multilabel else "multiclass",
        "classes": list(classes),
        "thresholds": dict.fromkeys(classes, 0.5 if multilabel else 1 / size),
        "labelled": {"train": 8000, "eval": 1001, "test": 999},
        "overall": overall,
        "baseline": baseline,
        "note": note,
        "slices": list(slices),
        "gates": list(gates),
        "confusion": tags if multilabel else matrix,
        "reliability": [{"score": i / 15 + 0.03, "happened": (i / 15) ** 1.2, "rows": 200 - 10 * i} for i in range(15)],
        "score_histogram": {
            "edges": [i / 20 for i in range(21)],
            "classes": {name: {"true": rising, "other": falling} for name in ranked},
        },
    }


def slices_of(column, values, labelled=300):
    return [
        {
            "slice": {column: value},
            "labelled": labelled - i,
            "metrics": {"auc": 0.9 - 0.1 * math.sin(i), "accuracy": 0.9 - 0.01 * (i % 7), "log_loss": 0.2 + 0.01 * i},
        }
        for i, value in enumerate(values)
    ]


@pytest.fixture
def whole_report():
    """A report with two heads, of which one is compared with a baseline, blessed and pushed."""
    delay_gates = [
        gate("auc", 0.8765, min=0.7, max_drop=0.02, baseline=0.8712),
        *(gate("auc", 0.87, min=0.6, slice={"origin": v}, every=["origin"], min_labelled=100) for v in SLICES),
        gate("ece", 0.0123, max=0.05),
    ]
    curves = {
        f"{split}{name}": [0.9, 0.6, 0.5] for split in ("", "val_") for name in ("loss", "delay_loss", "kind_loss")
    }
    both = [*slices_of("origin", SLICES), *slices_of("carrier", [f"C{i:02}" for i in range(20)])]
    return {
        "format": 1,
        "task": "toy",
        "run_id": "20260101-000000-000000",
        "started": "2026-01-01T00:00:00+00:00",
        "finished": "2026-01-01T00:03:00+00:00",
        "versions": {"python": "3.10.14", "tfx": "1.16.0"},
        "no_baseline": None,
        "pushed": "/runs/toy/serving/4",
        "baseline": "/runs/toy/serving/3",
        "stages": [
            {"id": "ExampleGen", "seconds": 5.0, "cached": True, "rows": 10_000},
            {"id": "Trainer", "seconds": 105.25, "cached": False, "rows": 9001},
            {"id": "Pusher", "seconds": 0.1, "cached": False, "rows": None},
        ],
        "data": {
            "splits": {"train": 8000, "eval": 1001, "test": 999},
            "features": [
                {
                    "name": "distance",
                    "type": "numeric",
                    "missing": 0.004,
                    "min": 17.0,
                    "median": 872.0,
                    "mean": 1039.5,
                    "max": 4983.0,
                    "std": 732.1,
                    "zeros": 0.0,
                },
                {"name": "origin", "type": "categorical", "missing": 0.0, "unique": 3, "top": [["EWR", 0.36]]},
                {"name": "photo", "type": "image", "missing": 0.75, "bytes": 417.75},
                {"name": "gone", "type": "text", "missing": 1.0},
            ],
            "anomalies": [],
            "drift": None,
        },
        "training": {"curves": curves},
        "lineage": {
            "training": "0123456789abcdef",
            "artifacts": {"Trainer.model": "/runs/toy/artifacts/Trainer/model/7"},
            "code": {"Trainer": "fedcba9876543210"},
        },
        "blessed": True,
        "refusals": [],
        "comparison": "compared with /runs/toy/serving/3",
        "heads": {
            "delay": head(
                ["no", "yes"],
                gates=delay_gates,
                baseline={"accuracy": 0.91, "auc": 0.8712, "log_loss": 0.24, "ece": 0.0100},
                slices=both,
            ),
            "kind": head(["cat", "dog", "cow"], note="the head is new"),
        },
        "joint": {"exact_match": 0.8123, "hamming_loss": 0.0712, "label_consistency": 0.04},
        "joint_slices": [
            {"slice": {"origin": v}, "labelled": 150, "metrics": {"exact_match": 0.8, "hamming_loss": 0.08}}
            for v in SLICES
        ],
        "joint_gates": [gate("exact_match", 0.8123, min=0.5)],
        "joint_baseline": {"exact_match": 0.8, "hamming_loss": 0.08, "label_consistency": 0.03},
        "association": [
            {"heads": ["delay", "kind"], "tags": [None, None], "true": 0.41, "predicted": 0.45, "labelled": 990}
        ],
        "canary": {
            "ok": True,
            "failures": [],
            "checks": [{"signature": "serving_default", "request": "real rows", "ok": True, "message": ""}],
            "latency": {"serving_default": {"p50_ms": 3.21, "p99_ms": 9.87}},
        },
    }


@pytest.fixture
def refused_report(whole_report):
    """The same, refused by two gates and the canary."""
    delay, failure = whole_report["heads"]["delay"], "it crashes when asked for an empty text"
    reason = "auc on origin=JFK is 0.5500, below min 0.6"
    delay["gates"][2] |= {"value": 0.55, "ok": False, "reason": reason}
    whole_report["joint_gates"][0] |= {"ok": False, "reason": "exact_match is 0.8123, below min 0.9", "min": 0.9}
    whole_report["canary"] |= {"ok": False, "failures": [failure]}
    whole_report |= {"blessed": False, "pushed": None, "refusals": [f"canary: {failure}"]}
    return whole_report


@pytest.fixture
def crowded_report(whole_report):
    """The same, with a head of 81 tags, one of 30 classes, and hundreds of slices that a gate looks at."""
    cities = [f"city {i:03}" for i in range(400)]
    reason = "auc is too low"
    gates = [
        gate("auc", 0.5 + i / 1000, min=0.55, slice={"city": city}, every=["city"], reason=reason if i < 50 else "")
        for i, city in enumerate(cities)
    ]
    tags, breeds = [f"tag {i}" for i in range(81)], [f"breed {i}" for i in range(30)]
    whole_report["heads"]["topics"] = head(tags, multilabel=True)
    whole_report["heads"]["breed"] = head(breeds, gates=gates, slices=slices_of("city", cities, labelled=500))
    whole_report["heads"] |= {f"other {i}": head(["no", "yes"]) for i in range(4)}
    return whole_report | {"blessed": False, "pushed": None}
