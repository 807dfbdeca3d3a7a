"""Boosted trees per head on the very rows that a task trains and tests on: what a tabular model should reach.

    .venv/bin/python tests/bench/boosted_trees.py flights

One scikit-learn HistGradientBoostingClassifier per head, which stops early on as many rows of `train` and `eval` as
`eval` has; AUC and ECE on `test`.
Numbers go in as they are, categories as categories (as numbers where there are more than a tree takes).
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import OrdinalEncoder

from components.example_gen import columns, source, split
from components.example_gen.layout import Layout
from schema.contract import find_task, load_contract
from schema.names import EVAL, SPLITS, TEST, TRAIN

MAX_CATEGORIES = 255  # What scikit-learn's trees take.
ECE_BINS = 15


def read(contract, data):
    """Returns all rows as a data frame, with the split that ExampleGen gives each in the column `__split__`."""
    task = contract.task
    layout = Layout.of(contract)
    frames = []
    for shard in source.find_shards(source.find_files(data, task.data.format), task.data.format):
        for batch in source.read_shard(shard, layout.types):
            rows = columns.to_features(batch, layout.types, shard.file, layout.labels)
            frame = pd.DataFrame({name: rows.column(name).to_pandas().str[0] for name in rows.schema.names})
            frame["__split__"] = np.array(SPLITS)[split.assign(rows, task.data.split, layout.labels)]
            frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def encode(task, rows):
    """Returns features as numbers, NaN where missing, and which of them are categories."""
    encoded, is_categorical = {}, []
    for name, feature in task.features.items():
        if feature.type not in ("numeric", "categorical"):
            raise SystemExit(f"feature '{name}' is {feature.type}: boosted trees take numbers and categories only")
        if feature.type == "numeric" or rows[name].nunique() > MAX_CATEGORIES:
            encoded[name] = pd.to_numeric(rows[name])
            is_categorical.append(False)
        else:
            encoded[name] = OrdinalEncoder(encoded_missing_value=np.nan).fit_transform(rows[[name]])[:, 0]
            is_categorical.append(True)
    return pd.DataFrame(encoded).to_numpy(float), is_categorical


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--head", action="append", help="only this head; may be given several times")
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    contract = load_contract(find_task(arguments.task))
    rows = read(contract, arguments.data or Path("data") / contract.task.task)
    features, is_categorical = encode(contract.task, rows)
    for head in arguments.head or contract.task.heads:
        classes = contract.classes[head]
        label = rows[head].map({name.encode(): i for i, name in enumerate(classes)})
        of = {name: (rows["__split__"] == name) & label.notna() for name in SPLITS}
        learnt = of[TRAIN] | of[EVAL]
        held_out = of[EVAL].sum() / learnt.sum()
        areas, errors, started = [], [], time.monotonic()
        for seed in range(arguments.seeds):
            model = HistGradientBoostingClassifier(
                max_iter=500, learning_rate=0.05, max_leaf_nodes=63, categorical_features=is_categorical,
                early_stopping=True, validation_fraction=held_out, n_iter_no_change=20, random_state=seed,
            )  # fmt: skip
            model.fit(features[learnt], label[learnt].astype(int))
            p, y = model.predict_proba(features[of[TEST]]), label[of[TEST]].astype(int).to_numpy()
            areas.append(area(y, p))
            errors.append(calibration_error(y, p))
        found = {
            "auc": round(float(np.mean(areas)), 4),
            "ece": round(float(np.mean(errors)), 4),
            "seconds": round((time.monotonic() - started) / arguments.seeds, 1),
        }
        print(head, json.dumps(found), flush=True)


def area(y, p):
    """Returns the AUC as a report has it: of the second class, or one against the rest, mean over classes."""
    return roc_auc_score(y, p[:, 1]) if p.shape[1] == 2 else roc_auc_score(y, p, multi_class="ovr")


def calibration_error(y, p):
    """Returns the expected calibration error of the likeliest class."""
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    bins = np.clip(np.ceil(confidence * ECE_BINS).astype(int) - 1, 0, ECE_BINS - 1)
    gaps = np.bincount(bins, right, ECE_BINS) - np.bincount(bins, confidence, ECE_BINS)
    return np.abs(gaps).sum() / len(y)


if __name__ == "__main__":
    main()
