"""What makes the cache miss: what a stage reads, and nothing else."""

import ast
import shutil
from pathlib import Path

import grimp
import pytest

from pipeline import fingerprint
from schema.task import TaskSpec

ROOT = Path(fingerprint.__file__).parent.parent
STAGES = ("ExampleGen", "StatisticsGen", "Drift", "Transform", "Trainer", "Canary", "Evaluator", "Report")


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A copy of the code, which the fingerprint reads instead of the real one."""
    for name in ("schema", "components"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprint, "_ROOT", tmp_path)
    fingerprint.code.cache_clear()
    yield tmp_path
    fingerprint.code.cache_clear()


def codes():
    fingerprint.code.cache_clear()
    return {stage: fingerprint.code(stage) for stage in STAGES}


def changed_by(change):
    before = codes()
    change()
    after = codes()
    return {stage for stage in STAGES if before[stage] != after[stage]}


def test_all_sources_are_the_same_wherever_they_are_installed(tmp_path, monkeypatch):
    of_checkout = fingerprint.sources()
    for name in ("schema", "components", "pipeline"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprint, "_ROOT", tmp_path)
    assert fingerprint.sources.__wrapped__() == of_checkout
    append(tmp_path / "pipeline" / "cli" / "runs.py")
    assert fingerprint.sources.__wrapped__() != of_checkout


def append(file):
    file.write_text(file.read_text() + "\n# changed\n")


class TestCode:
    @pytest.mark.parametrize(
        ("file", "stages"),
        [
            ("components/trainer/run.py", {"Trainer"}),
            ("components/trainer/losses/cross_entropy.py", {"Trainer"}),
            ("components/transform/labels.py", {"Transform"}),
            ("components/transform/features/categorical.py", {"Transform", "Trainer"}),
            ("components/transform/analysis/terms.py", {"Transform"}),
            ("components/example_gen/split.py", {"ExampleGen"}),
            ("components/example_gen/per_span.py", {"ExampleGen", "StatisticsGen", "Drift", "Transform"}),
            ("components/images.py", {"ExampleGen", "Trainer", "Canary"}),
            ("components/statistics_gen/terms.py", {"StatisticsGen"}),
            ("components/exported.py", {"Trainer", "Canary"}),
            ("components/servable.py", {"Canary"}),
            ("components/raw_examples.py", {"Canary"}),
            ("components/canary/probe.py", {"Canary"}),
            ("components/evaluator/metrics.py", {"Evaluator", "Report"}),
            ("components/evaluator/association.py", {"Evaluator", "Report"}),
            ("components/baseline/component.py", {"Evaluator"}),
            ("components/evaluator/verdict.py", {"Report"}),
            ("components/evaluator/drawings.py", {"Report"}),
            ("components/pusher/serving.py", set()),
            ("schema/push.py", set()),
            ("components/data_gate/anomalies.py", set()),
            ("components/data_gate/drift/distance.py", {"Drift"}),
            ("schema/drift.py", {"Drift"}),
            ("schema/names.py", set(STAGES)),
            *((f"schema/{name}.py", set(STAGES)) for name in ("task", "data", "contract", "columns", "part")),
            *((f"schema/{name}.py", set(STAGES)) for name in ("features", "gates", "heads", "training", "trunks")),
            ("schema/applications.py", set(STAGES)),
            *((f"schema/{name}.py", set()) for name in ("checks", "gate_checks", "training_checks")),
            ("schema/problems.py", set()),
            ("schema/flights/task.yaml", set()),
        ],
    )
    def test_a_changed_file(self, sources, file, stages):
        assert changed_by(lambda: append(sources / file)) == stages

    def test_a_new_a_removed_and_a_renamed_file(self, sources):
        new = sources / "components" / "trainer" / "losses" / "focal.py"
        assert changed_by(lambda: new.write_text("")) == {"Trainer"}
        assert changed_by(lambda: new.rename(new.with_name("other.py"))) == {"Trainer"}
        assert changed_by(lambda: new.with_name("other.py").unlink()) == {"Trainer"}

    def test_nothing_changed(self, sources):
        assert changed_by(lambda: (sources / "components" / "trainer" / "notes.txt").write_text("x")) == set()

    def test_where_the_project_lies_does_not_count(self, sources):
        copied = codes()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fingerprint, "_ROOT", ROOT)
            assert codes() == copied

    def test_another_version_of_a_library(self, sources, monkeypatch):
        def upgrade():
            monkeypatch.setattr(fingerprint.importlib.metadata, "version", lambda name: f"{name} 99")

        assert changed_by(upgrade) == set(STAGES)

    def test_every_stage_with_sources_is_asked_for_them_in_the_graph(self):
        tree = ast.parse((ROOT / "pipeline" / "graph.py").read_text(encoding="utf-8"))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        named = {
            argument.value
            for call in calls
            if isinstance(call.func, ast.Attribute) and call.func.attr == "code"
            for argument in call.args
            if isinstance(argument, ast.Constant)
        }
        assert named == set(STAGES)
        assert set(fingerprint._SOURCES) == set(STAGES)

    @pytest.mark.parametrize(
        ("stage", "module"),
        [
            ("ExampleGen", "components.example_gen.component"),
            ("StatisticsGen", "components.statistics_gen.component"),
            ("Drift", "components.data_gate.drift.component"),
            ("Transform", "components.transform.preprocessing"),
            ("Trainer", "components.trainer.run"),
            ("Canary", "components.canary.component"),
            ("Canary", "components.canary.probe"),
            ("Evaluator", "components.evaluator.config"),
            ("Report", "components.evaluator.component"),
        ],
    )
    def test_what_a_stage_imports_belongs_to_its_sources_or_to_those_of_a_stage_before(self, stage, module):
        # A stage before is enough: when it runs anew, its output is new.
        graph = grimp.build_graph("components", cache_dir=None)
        imported = {name for name in graph.find_upstream_modules(module) | {module} if name.startswith("components.")}
        before = STAGES[: STAGES.index(stage) + 1]
        covered = {
            ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            for name in before
            for path in fingerprint._SOURCES[name]
            for file in fingerprint._python_files(ROOT / path)
        }
        assert imported - covered == set()


class TestDigest:
    def test_every_part_and_their_borders_count(self):
        parts = [("a",), ("b",), ("a", "b"), ("b", "a"), ("ab",), ("a", "b", "")]
        assert len({fingerprint.digest(*part) for part in parts}) == len(parts)

    def test_it_stays_the_same_over_runs(self):
        assert fingerprint.digest("a", "b") == "59b271ae1bbcb1d3"


TASK = {
    "task": "toy",
    "data": {"split": {"by": "column", "column": "fold"}},
    "features": {
        "amount": {"type": "numeric"},
        "binned": {"type": "numeric", "encoder": {"type": "piecewise_linear", "bins": 8}},
        "colour": {"type": "categorical", "vocabulary": 10, "oov": 1, "embedding": 4},
        "words": {"type": "text", "tokens": 8, "vocabulary": 10},
        "photo": {"type": "image", "shape": [96, 96, 3]},
    },
    "heads": {
        "kind": {"type": "multiclass"},
        "size": {"type": "multiclass", "depends_on": ["kind"]},
        "tags": {"type": "multilabel"},
    },
    "slices": [["colour"]],
    "gates": {"kind": [{"metric": "auc", "min": 0.6}], "size": "none", "tags": "none"},
}
VIEWS = {
    "Transform": fingerprint.for_transform,
    "Trainer": fingerprint.for_trainer,
    "Report": fingerprint.for_report,
}


def task(path="", value=None):
    """Returns the task with one key, given by its dotted path, set to another value."""
    data = TaskSpec.model_validate(TASK, strict=False).model_dump(mode="json")
    *parents, last = path.split(".")
    target = data
    for key in parents:
        target = target[key]
    if path:
        target[last] = value
    return TaskSpec.model_validate(data, strict=False)


class TestViews:
    """Transform's output is Trainer's input: what changes the first may, but need not, change the second's view."""

    @pytest.mark.parametrize(
        ("path", "value", "stages"),
        [
            ("features.year", {"type": "numeric"}, {"Transform", "Trainer"}),
            ("features.amount.scaling", "minmax", {"Transform"}),
            ("features.amount.missing_indicator", False, {"Transform", "Trainer"}),
            ("features.colour.vocabulary", 11, {"Transform", "Trainer"}),
            ("features.colour.oov", 2, {"Transform", "Trainer"}),
            ("features.colour.embedding", 5, {"Trainer"}),
            ("features.amount.encoder", {"type": "piecewise_linear"}, {"Transform", "Trainer"}),
            ("features.amount.encoder", {"type": "periodic"}, {"Trainer"}),
            ("features.binned.encoder.bins", 9, {"Transform", "Trainer"}),
            ("features.binned.encoder.units", 9, {"Trainer"}),
            ("features.words.tokens", 9, {"Transform", "Trainer"}),
            ("features.words.vocabulary", 9, {"Transform", "Trainer"}),
            ("features.words.oov", 9, {"Transform", "Trainer"}),
            ("features.words.encoder", {"type": "bag"}, {"Trainer"}),
            ("features.photo.shape", [96, 80, 3], {"Trainer"}),
            ("features.photo.source", "path", set()),  # ExampleGen has it in its layout.
            ("features.photo.encoder", {"type": "inception_v3"}, {"Trainer"}),
            ("heads.kind.calibration", "none", {"Trainer"}),
            ("heads.kind.threshold", {"metric": "accuracy"}, {"Trainer"}),
            ("heads.size.depends_on", [{"head": "kind", "mode": "probs"}], {"Trainer"}),
            ("heads.size.type", "multilabel", {"Transform", "Trainer"}),
            ("heads.tags.separator", ";", set()),  # As the image's source.
            ("heads.tags.loss.class_weights", "balanced", {"Transform", "Trainer"}),
            ("heads.tags.loss.weight", 2.0, {"Trainer"}),
            ("heads.kind.loss.class_weights", "balanced", {"Transform", "Trainer"}),
            ("heads.kind.loss.class_weights", {"cat": 2.0}, {"Transform", "Trainer"}),
            ("heads.kind.loss.weight", 2.0, {"Trainer"}),
            ("heads.kind.units", [8], {"Trainer"}),
            ("heads.size.depends_on", [], {"Trainer"}),
            ("trunk.units", [8], {"Trainer"}),
            ("trunk.dropout", 0.2, {"Trainer"}),
            ("trunk.members", 2, {"Trainer"}),
            ("training.optimizer", {"type": "adamw"}, {"Trainer"}),
            ("training.schedule", {"type": "cosine"}, {"Trainer"}),
            ("training.gradient_clip", 1.0, {"Trainer"}),
            ("training.balancing", {"type": "dwa"}, {"Trainer"}),
            ("training.epochs", 3, {"Trainer"}),
            ("training.batch_size", 3, {"Trainer"}),
            ("training.learning_rate", 0.1, {"Trainer"}),
            ("training.seed", 3, {"Trainer"}),
            ("training.early_stopping", None, {"Trainer"}),
            ("training.warm_start", True, {"Trainer"}),
            ("slices", [], set()),
            ("gates.kind", [{"metric": "auc", "min": 0.7}], set()),
            ("gates.size", [{"metric": "auc", "max_drop": 0.1, "slice": {"colour": "red"}}], set()),
            ("data.format", "csv", set()),  # ExampleGen has `data` for itself.
            ("data.split", {"by": "hash"}, set()),
            ("push.keep", 2, set()),
            ("drift", "off", set()),
        ],
    )
    def test_a_changed_key_changes_the_view_of_the_stages_that_read_it(self, path, value, stages):
        assert task(path, value).to_json() != task().to_json()
        views = {stage: VIEWS[stage] for stage in ("Transform", "Trainer")}
        assert {s for s, view in views.items() if view(task(path, value)).to_json() != view(task()).to_json()} == stages

    @pytest.mark.parametrize(
        ("path", "value", "changed"),
        [
            ("gates.kind", [{"metric": "auc", "min": 0.7}], True),
            ("gates.size", [{"metric": "auc", "max_drop": 0.1}], True),
            ("slices", [], False),
            ("training.epochs", 3, False),
            ("trunk.units", [8], False),
            ("heads.kind.loss.weight", 2.0, False),
            ("data.format", "csv", False),
            ("push.keep", 2, False),
            ("drift", "off", False),
        ],
    )
    def test_report_reads_the_gates(self, path, value, changed):
        view = VIEWS["Report"]
        assert (view(task(path, value)).to_json() != view(task()).to_json()) == changed

    @pytest.mark.parametrize("stage", VIEWS)
    def test_a_view_is_a_task_that_can_be_sent_as_json(self, stage):
        view = VIEWS[stage](task())
        assert TaskSpec.from_json(view.to_json()) == view

    @pytest.mark.parametrize("stage", VIEWS)
    def test_a_view_of_a_view_is_the_view(self, stage):
        assert VIEWS[stage](VIEWS[stage](task())) == VIEWS[stage](task())

    def test_what_a_stage_reads_is_kept(self):
        full = task("heads.kind.loss.class_weights", {"cat": 2.0})
        assert VIEWS["Transform"](full).features["amount"] == full.features["amount"]
        assert VIEWS["Transform"](full).heads["kind"].loss.class_weights == {"cat": 2.0}
        assert VIEWS["Trainer"](full).heads == full.heads
        assert VIEWS["Trainer"](full).training == full.training
        assert VIEWS["Trainer"](full).trunk == full.trunk
        assert VIEWS["Trainer"](full).features["photo"] == full.features["photo"]
        assert VIEWS["Transform"](full).features["words"].tokens == 8
        assert VIEWS["Transform"](full).features["binned"].encoder.bins == 8
        assert VIEWS["Transform"](full).heads["tags"].type == "multilabel"
        assert VIEWS["Report"](full).gates == full.gates
        assert [list(view(full).heads) for view in VIEWS.values()] == [["kind", "size", "tags"]] * 3


class TestWeights:
    def of(self, file, encoder="inception_v3"):
        return fingerprint.weights(task("features.photo.encoder", {"type": encoder, "weights": str(file)}))

    def test_contents_count_and_the_place_does_not(self, tmp_path):
        a, b = tmp_path / "a.weights.h5", tmp_path / "b.weights.h5"
        a.write_bytes(b"1")
        b.write_bytes(b"1")
        before = self.of(a)
        assert before == self.of(b)
        a.write_bytes(b"2")
        assert before != self.of(a)

    def test_without_a_file_there_is_nothing_to_read(self):
        assert fingerprint.weights(task()) == self.of("imagenet")
