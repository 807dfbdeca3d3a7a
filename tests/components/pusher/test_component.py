"""The Pusher's executor: it obeys the verdict, and writes what belongs beside a model."""

import json

import pytest

from components.pusher.folder import versions
from components.pusher.pointer import POINTER_FILE, read_pointer
from schema.errors import DataError


@pytest.fixture
def push_artifact(tmp_path, model, report, provenance):
    """Runs the executor; returns the pushed artifact. `name` tells model artifacts apart."""
    import pandas as pd
    import tensorflow_data_validation as tfdv
    from tfx.types import standard_artifacts
    from tfx.utils import path_utils

    from components.canary.component import CanaryFindings
    from components.evaluator.component import BLESSED_PROPERTY, HeadReport
    from components.exported import ExportedFeature, ExportedHead, exported_file, to_data
    from components.pusher.component import Executor

    def artifact(kind, name):
        made = kind()
        made.uri = str(tmp_path / name)
        return made

    exported = exported_file(model)
    exported.parent.mkdir()
    heads = {
        head: ExportedHead(found["type"], tuple(found["classes"]), tuple(found["thresholds"].values()))
        for head, found in report["heads"].items()
    }
    features = {"amount": ExportedFeature("numeric", "FLOAT"), "colour": ExportedFeature("categorical", "BYTES")}
    exported.write_text(json.dumps({"task": "toy", "heads": to_data(heads), "features": to_data(features)}))
    rows = pd.DataFrame({"amount": [1.0, None], "colour": ["red", "blue"], "kind": ["cat", "cat"]})
    statistics = artifact(standard_artifacts.ExampleStatistics, "statistics")
    statistics.split_names = json.dumps(["train", "eval", "test"])
    for split in ("train", "eval", "test"):
        file = tmp_path / "statistics" / f"Split-{split}" / "FeatureStats.pb"
        file.parent.mkdir(parents=True)
        file.write_bytes(tfdv.generate_statistics_from_dataframe(rows).SerializeToString())
    (tmp_path / "report").mkdir()
    (tmp_path / "canary").mkdir()
    (tmp_path / "canary" / "tf_serving_warmup_requests").write_bytes(b"requests")

    def run(name="a", blessed=1, keep=5, replace_pointer=0, serving=str(tmp_path / "serving"), training=None):
        trained = artifact(standard_artifacts.Model, name)
        serving_model = tmp_path / path_utils.serving_model_path(trained.uri)
        if not serving_model.exists():
            serving_model.parent.mkdir()
            serving_model.symlink_to(model)
        blessing = artifact(standard_artifacts.ModelBlessing, "blessing")
        if blessed is not None:
            blessing.set_int_custom_property(BLESSED_PROPERTY, blessed)
        (tmp_path / "report" / "report.json").write_text(json.dumps(report))
        pushed = artifact(standard_artifacts.PushedModel, "pushed")
        inputs = {
            "model": trained,
            "blessing": blessing,
            "report": artifact(HeadReport, "report"),
            "canary": artifact(CanaryFindings, "canary"),
            "statistics": statistics,
            "baseline_model": artifact(standard_artifacts.Model, "baseline"),
        }
        properties = {"serving": serving, "baseline": ""}
        properties["training"] = f"training of {name}" if training is None else training
        properties |= {"keep": keep, "replace_pointer": replace_pointer, "provenance": json.dumps(provenance)}
        properties |= {name: provenance[name] for name in ("run_id", "data", "data_fingerprint")}
        Executor().Do({key: [value] for key, value in inputs.items()}, {"pushed_model": [pushed]}, properties)
        return pushed

    return run


def test_the_model_its_card_and_its_warmup_are_pushed_together(push_artifact, folder):
    pushed = push_artifact()
    assert pushed.get_int_custom_property("pushed") == 1
    assert pushed.get_string_custom_property("pushed_destination") == str(folder / "1")
    assert (folder / "1" / "assets.extra" / "tf_serving_warmup_requests").read_bytes() == b"requests"
    card = json.loads((folder / "1" / "model_card.json").read_text())
    assert (card["version"], card["run_id"], card["fingerprints"]["training"]) == (1, "r1", "training of a")
    assert card["data"]["rows"] == {"train": 2, "eval": 2, "test": 2}
    assert card["data"]["features"][0] == {"name": "amount", "type": "numeric", "missing": 0.5}
    assert card["heads"]["kind"]["label_counts"]["dog"] == {"train": 0, "eval": 0, "test": 0}
    assert (folder / "1" / "model_card.md").read_text().startswith("# Model card: toy, version 1\n")
    assert read_pointer(folder).training == "training of a"


@pytest.mark.parametrize("blessed", [0, None])
def test_only_the_verdict_counts(push_artifact, folder, blessed):
    # A report that sounds good is no verdict.
    pushed = push_artifact(blessed=blessed)
    assert pushed.get_int_custom_property("pushed") == 0
    assert not folder.exists()


def test_the_same_model_is_pushed_once(push_artifact, folder):
    destinations = [push_artifact().get_string_custom_property("pushed_destination") for _ in range(2)]
    assert destinations == [str(folder / "1")] * 2


def test_keep_is_how_many_versions_stay(push_artifact, folder):
    for name in "abcd":
        push_artifact(name, keep=3)
    assert versions(folder) == [2, 3, 4]
    push_artifact("d", keep=2)  # Nothing new, and fewer to keep.
    assert versions(folder) == [3, 4]


def test_a_damaged_pointer_stops_the_push_unless_it_may_be_replaced(push_artifact, folder):
    push_artifact("a")
    (folder / POINTER_FILE).write_text("{")
    with pytest.raises(DataError, match="is not what a push writes"):
        push_artifact("b")
    push_artifact("b", replace_pointer=1)
    assert read_pointer(folder).version == 2


def test_over_a_model_that_baseline_did_not_see_nothing_is_pushed(push_artifact, folder):
    at_run_time = {"training": ""}
    push_artifact("a", **at_run_time)
    push_artifact("a", **at_run_time)  # Tried again.
    with pytest.raises(DataError, match="Pusher sees version 1 here, and Baseline saw none"):
        push_artifact("b", **at_run_time)
    assert versions(folder) == [1]
    push_artifact("b", replace_pointer=1, **at_run_time)  # Baseline was told to find none.
    assert read_pointer(folder).version == 2


def test_an_object_store_is_pushed_to(push_artifact, tmp_path):
    from components.pusher import stores

    uri = f"memory://bucket{tmp_path}"
    assert [push_artifact(name, serving=uri).get_string_custom_property("pushed_destination") for name in "ab"] == [
        f"{uri}/1",
        f"{uri}/2",
    ]
    with stores.opened(uri) as store:
        assert read_pointer(store.folder).source.endswith("/b")
        store.fetch(2, tmp_path / "fetched")
    assert (tmp_path / "fetched" / "assets.extra" / "tf_serving_warmup_requests").read_bytes() == b"requests"


def test_without_a_serving_folder_the_model_is_in_the_artifact(push_artifact, tmp_path):
    pushed = push_artifact(serving="")
    assert pushed.get_string_custom_property("pushed_destination") == f"{pushed.uri}/1"
    assert versions(tmp_path / "pushed") == [1]
    assert not (tmp_path / "serving").exists()
