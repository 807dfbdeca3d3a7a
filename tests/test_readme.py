"""The README's examples are true."""

import re
from pathlib import Path

import pytest
import yaml
from tensorflow_metadata.proto.v0 import schema_pb2

from components.exported import Exported, ExportedFeature
from pipeline.serve import protocol
from pipeline.serve.errors import RequestError
from schema.columns import columns
from schema.contract import load_contract

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(start):
    """Returns the fenced block whose text begins so."""
    return next(text for text in re.findall(r"```\w*\n(.*?)```", README, re.DOTALL) if text.startswith(start))


def test_flights_task_is_the_shipped_one_with_fewer_features():
    shown = yaml.safe_load(block("task: flights"))
    shipped = yaml.safe_load((ROOT / "schema" / "flights" / "task.yaml").read_text(encoding="utf-8"))
    assert shown.pop("features").items() <= shipped["features"].items()
    assert f"two of its {len(shipped.pop('features'))} features" in README
    assert shown == shipped


def test_own_data_is_a_valid_task(tmp_path):
    (tmp_path / "task.yaml").write_text(block("# shop/task.yaml"))
    (tmp_path / "schema.pbtxt").write_text(block("# shop/schema.pbtxt"))
    assert load_contract(tmp_path).classes == {"returned": ("no", "yes"), "rating": ("bad", "fair", "good")}


def test_an_added_head_is_valid(tmp_path):
    (tmp_path / "task.yaml").write_text(block("# shop/task.yaml"))
    (tmp_path / "schema.pbtxt").write_text(
        block("# shop/schema.pbtxt") + re.search(r"   feature \{.*?\n   \}", README, re.DOTALL)[0]
    )
    head = ["heads.diverted={type: multiclass}", "gates.diverted=[{metric: auc, min: 0.6}]"]
    assert load_contract(tmp_path, head).classes["diverted"] == ("no", "yes")


def test_the_curl_asks_what_flights_answers():
    contract = load_contract(ROOT / "schema" / "flights")
    raw = columns(contract.schema)
    features = {
        name: ExportedFeature(feature.type, schema_pb2.FeatureType.Name(raw[name].type))
        for name, feature in contract.task.features.items()
    }
    taken = protocol.signatures(Exported("flights", {}, features))
    body = re.search(r"-d '(.*)'", block("curl"), re.DOTALL)[1]
    request = protocol.parse(body.encode(), taken, max_rows=1)
    assert request.columns["carrier"].tolist() == [b"B6"]
    with pytest.raises(RequestError) as error:
        protocol.parse(body.replace("carrier", "carier").encode(), taken, max_rows=1)
    start, end = re.search(r'`\{"error": "(.*?)\.\.\.(.*?)"\}`', README).groups()
    assert str(error.value).startswith(start.replace(r"\"", '"'))
    assert str(error.value).endswith(end)


def test_nothing_was_left_to_be_filled_in():
    assert "@@" not in README
