import json

from components.evaluator.exported import exported_heads
from components.exported import HEADS_FILE, ExportedHead


def test_heads_of_a_model_artifact_are_read(tmp_path):
    folder = tmp_path / "Format-Serving" / "assets.extra"
    folder.mkdir(parents=True)
    late = {"type": "multiclass", "classes": ["no", "yes"], "thresholds": [0.7, 0.3]}
    (folder / HEADS_FILE).write_text(json.dumps({"heads": {"late": late}}))
    assert exported_heads(str(tmp_path)) == {"late": ExportedHead("multiclass", ("no", "yes"), (0.7, 0.3))}


def test_without_a_model_there_are_no_heads(tmp_path):
    assert exported_heads(str(tmp_path)) == {}
