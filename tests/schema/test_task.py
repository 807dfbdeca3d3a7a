"""What a task.yaml may say, and what is said of one that is wrong."""

import pytest
import yaml
from pydantic import ValidationError

from schema.problems import TaskError
from schema.task import TaskSpec, load_task

MINIMAL = {
    "task": "toy",
    "features": {"amount": {"type": "numeric"}, "colour": {"type": "categorical"}},
    "heads": {"kind": {"type": "multiclass"}},
    "gates": {"kind": "none"},
}
DEFAULTS = {
    "task": "toy",
    "data": {
        "format": "parquet",
        "spans": None,
        "marker": None,
        "split": {"by": "hash", "ratios": {"train": 8, "eval": 1, "test": 1}, "key": ()},
    },
    "drift": "warn",
    "features": {
        "amount": {"type": "numeric", "scaling": "zscore", "missing_indicator": True, "encoder": {"type": "plain"}},
        "colour": {"type": "categorical", "vocabulary": 1000, "oov": 1, "embedding": 8},
    },
    "trunk": {"type": "shared", "units": (128, 64), "dropout": 0.1, "feature_dropout": 0.0, "members": 1},
    "heads": {
        "kind": {
            "type": "multiclass",
            "loss": {"type": "cross_entropy", "weight": 1.0, "class_weights": "none", "label_smoothing": 0.0},
            "units": (32,),
            "depends_on": (),
            "calibration": "temperature",
            "threshold": None,
        }
    },
    "training": {
        "epochs": 20,
        "batch_size": 1024,
        "learning_rate": 1e-3,
        "optimizer": {"type": "adam"},
        "schedule": {"type": "constant", "warmup_epochs": 0.0},
        "gradient_clip": None,
        "ema": None,
        "warm_start": False,
        "early_stopping": {"patience": 3},
        "balancing": {"type": "fixed"},
        "seed": 0,
    },
    "slices": (),
    "gates": {"kind": "none"},
    "push": {"keep": 5},
}
EVERYTHING = {
    "task": "toy",
    "data": {"format": "csv", "split": {"by": "column", "column": "fold"}},
    "features": {
        "amount": {
            "type": "numeric",
            "scaling": "minmax",
            "missing_indicator": False,
            "encoder": {"type": "piecewise_linear", "bins": 8, "units": 4},
        },
        "colour": {"type": "categorical", "vocabulary": 10, "oov": 2, "embedding": 4},
        "words": {
            "type": "text",
            "tokens": 8,
            "vocabulary": 100,
            "oov": 2,
            "encoder": {"type": "lstm", "embedding": 4, "units": 4, "dropout": 0.5},
        },
        "photo": {
            "type": "image",
            "shape": [80, 96, 3],
            "source": "path",
            "encoder": {"type": "cnn", "filters": [4, 8, 8], "kernel": 5, "units": 16, "dropout": 0.5},
        },
    },
    "trunk": {"type": "shared", "units": [], "dropout": 0, "members": 4},
    "heads": {
        "kind": {
            "type": "multiclass",
            "loss": {"type": "cross_entropy", "weight": 2, "class_weights": {"cat": 0.5, "dog": 3}},
            "units": [],
            "depends_on": ["size", {"head": "tags", "mode": "probs"}],
            "calibration": "none",
            "threshold": {"metric": "macro_f1"},
        },
        "size": {"type": "multiclass", "loss": {"class_weights": "effective_number"}},
        "tags": {"type": "multilabel", "separator": ";"},
    },
    "training": {
        "epochs": 1,
        "batch_size": 8,
        "learning_rate": 0.5,
        "optimizer": {"type": "adamw", "weight_decay": 0.1},
        "schedule": {"type": "plateau", "factor": 0.1, "patience": 2, "warmup_epochs": 0.5},
        "gradient_clip": 1,
        "early_stopping": None,
        "balancing": {"type": "fixed"},
        "seed": 7,
    },
    "slices": [["colour"], ["colour", "year"]],
    "gates": {
        "kind": [
            {"metric": "auc", "min": 0.5, "max_drop": 0.01},
            {"metric": "ece", "max": 0.1, "slice": {"colour": "red", "year": 2013, "share": 0.5}},
        ],
        "size": "none",
        "tags": "none",
    },
}
JOINT_GATE = {"metric": "label_consistency", "max": 0.1}
DELETED = object()


@pytest.fixture
def load(tmp_path):
    def load_data(data, *overrides):
        (tmp_path / "task.yaml").write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
        return load_task(tmp_path / "task.yaml", overrides)

    return load_data


def changed(data, path, value):
    """Returns `data` with the value at a path set, or deleted; the path's keys are made where they are not there."""
    key, rest = path[0], path[1:]
    copy = list(data) if isinstance(data, list) else dict(data)
    if rest:
        copy[key] = changed(copy[key] if isinstance(copy, list) else copy.get(key, {}), rest, value)
    elif value is DELETED:
        del copy[key]
    else:
        copy[key] = value
    return copy


class TestRight:
    def test_defaults(self, load):
        assert load(MINIMAL).model_dump() == DEFAULTS

    def test_every_key(self, load):
        task = load(EVERYTHING)
        assert task.heads["kind"].loss.class_weights == {"cat": 0.5, "dog": 3.0}
        assert task.data.split.column == "fold"
        assert task.training.early_stopping is None
        assert task.slices == (("colour",), ("colour", "year"))
        assert task.gates["kind"][1].slice == {"colour": "red", "year": 2013, "share": 0.5}
        assert task.gates["size"] == ()
        depends_on = [dependency.model_dump() for dependency in task.heads["kind"].depends_on]
        assert depends_on == [{"head": "size", "mode": "features"}, {"head": "tags", "mode": "probs"}]
        assert (task.heads["kind"].calibration, task.heads["kind"].threshold.metric) == ("none", "macro_f1")
        assert task.heads["tags"].separator == ";"
        assert task.features["photo"].shape == (80, 96, 3)
        assert (task.trunk.members, task.training.gradient_clip) == (4, 1.0)
        assert task.training.schedule.model_dump() == {
            "type": "plateau",
            "factor": 0.1,
            "patience": 2,
            "warmup_epochs": 0.5,
        }

    @pytest.mark.parametrize(
        ("path", "value", "expected"),
        [
            ("features.amount.encoder", {"type": "piecewise_linear"}, {"bins": 32, "units": None}),
            ("features.amount.encoder", {"type": "periodic"}, {"frequencies": 16, "sigma": 0.1, "units": 16}),
            ("features.words.encoder", {}, {"type": "lstm", "embedding": 64, "units": 64, "dropout": 0.0}),
            ("features.words.encoder", {"type": "bag"}, {"embedding": 64, "dropout": 0.0}),
            ("features.photo.encoder", {}, {"type": "cnn", "filters": (32, 64), "kernel": 3, "units": 128}),
            ("features.photo.encoder", {"type": "resnet50"}, {"weights": "imagenet", "trainable": False}),
            ("features.photo.encoder", {"type": "InceptionV3"}, {"type": "inception_v3"}),
            ("trunk", {"type": "mmoe"}, {"experts": 4, "units": (128, 64), "members": 1}),
            ("trunk", {"type": "ple"}, {"shared_experts": 2, "own_experts": 1, "members": 1}),
            ("heads.tags", {"type": "multilabel"}, {"separator": "|", "calibration": "temperature"}),
            ("training.optimizer", {"type": "adamw"}, {"weight_decay": 0.01}),
            ("training.schedule", {"type": "cosine"}, {"final": 0.0, "warmup_epochs": 0.0}),
            ("training.schedule", {"type": "plateau"}, {"factor": 0.5, "patience": 1}),
            ("training.balancing", {"type": "uncertainty"}, {"learning_rate": 0.01}),
            ("training.balancing", {"type": "famo"}, {"learning_rate": 0.025, "decay": 1e-3}),
            ("training.balancing", {"type": "dwa"}, {"temperature": 2.0}),
            ("training.balancing", {"type": "pcgrad"}, {"type": "pcgrad"}),
        ],
    )
    def test_defaults_of_a_type(self, load, path, value, expected):
        part = load(changed(EVERYTHING, path.split("."), value)).model_dump()
        for key in path.split("."):
            part = part[key]
        assert expected == {key: part[key] for key in expected}

    @pytest.mark.parametrize("data", [MINIMAL, EVERYTHING], ids=["minimal", "everything"])
    def test_json_round_trip(self, load, data):
        task = load(data)
        again = TaskSpec.from_json(task.to_json())
        assert task == again
        assert task.to_json() == again.to_json()

    def test_defaults_spelt_out_make_the_same_task(self, load):
        assert load(MINIMAL).to_json() == load(yaml.safe_load(load(MINIMAL).to_json())).to_json()

    def test_order_of_heads_is_kept(self, load):
        assert list(TaskSpec.from_json(load(EVERYTHING).to_json()).heads) == ["kind", "size", "tags"]

    def test_frozen(self, load):
        task = load(MINIMAL)
        for part, field in ((task, "task"), (task.training, "epochs"), (task.heads["kind"].loss, "weight")):
            with pytest.raises(ValidationError, match="frozen"):
                setattr(part, field, getattr(part, field))

    def test_overrides(self, load):
        task = load(EVERYTHING, "training.epochs=2", "heads.kind.loss.weight=3", "gates.kind.0.min=0.9")
        assert (task.training.epochs, task.heads["kind"].loss.weight, task.gates["kind"][0].min) == (2, 3.0, 0.9)


class TestWrong:
    """Each case changes one key of EVERYTHING, which is right."""

    @pytest.mark.parametrize(
        ("path", "value", "key", "fragment"),
        [
            # What must be there.
            ("task", DELETED, "task", "missing"),
            ("features", DELETED, "features", "missing"),
            ("heads.size.type", DELETED, "heads.size.type", "missing"),
            ("features.amount.type", DELETED, "features.amount.type", "missing"),
            ("data.split.by", DELETED, "data.split.by", "missing"),
            ("data.split.column", DELETED, "data.split.column", "missing"),
            ("gates.kind.0.metric", DELETED, "gates.kind.0.metric", "missing"),
            ("features", {}, "features", "at least 1 item"),
            ("features.photo.shape", DELETED, "features.photo.shape", "missing"),
            ("heads.kind.threshold", {}, "heads.kind.threshold.metric", "missing"),
            ("heads.kind.depends_on", [{"mode": "probs"}], "heads.kind.depends_on.0.head", "missing"),
            # Unknown keys, at every depth.
            ("trainig", {}, "trainig", "unknown key; allowed: data, drift, features, gates, heads, push, slices, task"),
            ("trainig", {}, "trainig", "did you mean 'training'?"),
            ("training.epoch", 3, "training.epoch", "did you mean 'epochs'?"),
            ("data.formt", 3, "data.formt", "did you mean 'format'?"),
            ("data.split.colum", "x", "data.split.colum", "allowed: by, column; did you mean 'column'?"),
            ("features.amount.scalin", 1, "features.amount.scalin", "did you mean 'scaling'?"),
            ("features.amount.vocabulary", 9, "features.amount.vocabulary", "unknown key"),
            ("features.colour.embeding", 9, "features.colour.embeding", "did you mean 'embedding'?"),
            ("heads.kind.lss", {}, "heads.kind.lss", "did you mean 'loss'?"),
            ("heads.kind.loss.wieght", 1, "heads.kind.loss.wieght", "did you mean 'weight'?"),
            ("training.early_stopping", {"patients": 1}, "training.early_stopping.patients", "mean 'patience'?"),
            ("gates.kind.0.mim", 0.1, "gates.kind.0.mim", "did you mean 'min'?"),
            ("", 1, "''", "unknown key"),
            ("trunk.layers", [1], "trunk.layers", "allowed: dropout, feature_dropout, members, type, units"),
            ("trunk.member", 2, "trunk.member", "did you mean 'members'?"),
            ("features.amount.encoder.bin", 3, "features.amount.encoder.bin", "did you mean 'bins'?"),
            ("features.amount.encoder", {"bins": 3}, "features.amount.encoder.bins", "unknown key; allowed: type"),
            ("features.words.token", 3, "features.words.token", "did you mean 'tokens'?"),
            ("features.words.encoder", {"type": "bag", "units": 3}, "features.words.encoder.units", "unknown key"),
            ("features.photo.sorce", "path", "features.photo.sorce", "did you mean 'source'?"),
            ("features.photo.encoder.filter", [3], "features.photo.encoder.filter", "did you mean 'filters'?"),
            (
                "features.photo.encoder",
                {"type": "resnet50", "filters": [3]},
                "features.photo.encoder.filters",
                "unknown key; allowed: trainable, type, weights",
            ),
            ("heads.kind.separator", ",", "heads.kind.separator", "unknown key; allowed: calibration, depends_on"),
            ("heads.tags.seperator", ",", "heads.tags.seperator", "did you mean 'separator'?"),
            ("heads.kind.treshold", None, "heads.kind.treshold", "did you mean 'threshold'?"),
            ("heads.kind.calibrate", "none", "heads.kind.calibrate", "did you mean 'calibration'?"),
            ("training.optimiser", {}, "training.optimiser", "did you mean 'optimizer'?"),
            ("training.optimizer", {"weight_decay": 1}, "training.optimizer.weight_decay", "unknown key"),
            ("training.schedule.warmup", 1, "training.schedule.warmup", "did you mean 'warmup_epochs'?"),
            ("training.clip", 1, "training.clip", "unknown key"),
            (
                "training.balancing",
                {"type": "dwa", "learning_rate": 1},
                "training.balancing.learning_rate",
                "allowed: temperature, type",
            ),
            # One of a few.
            ("data.format", "parket", "data.format", "got 'parket'; allowed: parquet, csv; did you mean 'parquet'?"),
            ("data.split.by", "hush", "data.split.by", "got 'hush'; allowed: hash, column, span; did you mean 'hash'?"),
            ("features.colour.type", "categoric", "features.colour.type", "did you mean 'categorical'?"),
            ("features.amount.scaling", "z", "features.amount.scaling", "got 'z'; allowed: zscore, minmax, none"),
            ("trunk.type", "mmo", "trunk.type", "got 'mmo'; allowed: shared"),
            ("features.amount.encoder.type", "periodik", "features.amount.encoder.type", "did you mean 'periodic'?"),
            ("features.words.encoder.type", "gru", "features.words.encoder.type", "got 'gru'; allowed: lstm, bag"),
            ("features.photo.encoder", {"type": "cn"}, "features.photo.encoder.type", "allowed: convnext_tiny"),
            (
                "features.photo.encoder",
                {"type": "inception_v9"},
                "features.photo.encoder.type",
                "did you mean 'inception_v3'?",
            ),
            ("features.photo.source", "url", "features.photo.source", "got 'url'; allowed: bytes, path"),
            ("heads.kind.calibration", "platt", "heads.kind.calibration", "allowed: temperature, none"),
            (
                "heads.kind.threshold.metric",
                "f2",
                "heads.kind.threshold.metric",
                "got 'f2'; allowed: accuracy, balanced_accuracy, f1, macro_f1",
            ),
            ("heads.kind.depends_on.1.mode", "prob", "heads.kind.depends_on.1.mode", "did you mean 'probs'?"),
            ("training.optimizer.type", "sgd", "training.optimizer.type", "got 'sgd'; allowed: adam, adamw"),
            ("training.schedule.type", "cosin", "training.schedule.type", "did you mean 'cosine'?"),
            ("training.balancing.type", "pcgrd", "training.balancing.type", "did you mean 'pcgrad'?"),
            ("heads.kind.type", "multi_label", "heads.kind.type", "did you mean 'multilabel'?"),
            ("heads.kind.loss.type", "hinge", "heads.kind.loss.type", "got 'hinge'; allowed: cross_entropy, focal"),
            ("heads.size.loss.class_weights", "balance", "heads.size.loss.class_weights", "did you mean 'balanced'?"),
            ("heads.size.loss.class_weights", ["cat"], "heads.size.loss.class_weights", "allowed: none, balanced"),
            ("training.balancing.type", "gradnorm", "training.balancing.type", "allowed: fixed"),
            ("gates.kind.0.metric", "acuracy", "gates.kind.0.metric", "did you mean 'accuracy'?"),
            # Numbers.
            ("training.epochs", 0, "training.epochs", "greater than 0, got 0"),
            ("training.epochs", 2.5, "training.epochs", "valid integer, got 2.5"),
            ("training.epochs", "2", "training.epochs", "valid integer, got '2'"),
            ("training.epochs", True, "training.epochs", "valid integer, got True"),
            ("training.batch_size", -1, "training.batch_size", "greater than 0, got -1"),
            ("training.learning_rate", 0, "training.learning_rate", "greater than 0, got 0"),
            ("training.learning_rate", float("inf"), "training.learning_rate", "finite number, got inf"),
            ("training.learning_rate", float("nan"), "training.learning_rate", "finite number, got nan"),
            ("training.seed", -1, "training.seed", "greater than or equal to 0, got -1"),
            ("training.early_stopping", {"patience": 0}, "training.early_stopping.patience", "greater than 0, got 0"),
            ("trunk.dropout", 1, "trunk.dropout", "less than 1, got 1"),
            ("trunk.dropout", -0.1, "trunk.dropout", "greater than or equal to 0, got -0.1"),
            ("trunk.units", [64, 0], "trunk.units.1", "greater than 0, got 0"),
            ("trunk.units", 64, "trunk.units", "got 64"),
            ("heads.kind.units", ["a"], "heads.kind.units.0", "valid integer, got 'a'"),
            ("heads.kind.loss.weight", 0, "heads.kind.loss.weight", "greater than 0, got 0"),
            ("heads.kind.loss.weight", -1, "heads.kind.loss.weight", "greater than 0, got -1"),
            ("heads.kind.loss.class_weights.cat", 0, "heads.kind.loss.class_weights.cat", "greater than 0, got 0"),
            ("features.colour.vocabulary", 0, "features.colour.vocabulary", "greater than 0, got 0"),
            ("features.colour.oov", 0, "features.colour.oov", "greater than 0, got 0"),
            ("features.colour.embedding", 0, "features.colour.embedding", "greater than 0, got 0"),
            ("gates.kind.0.max_drop", -0.1, "gates.kind.0.max_drop", "greater than or equal to 0, got -0.1"),
            ("gates.kind.0.min", "0.7", "gates.kind.0.min", "valid number, got '0.7'"),
            ("data.split", {"by": "hash", "ratios": {"eval": 0}}, "data.split.ratios.eval", "greater than 0, got 0"),
            ("data.split", {"by": "hash", "ratios": {"dev": 1}}, "data.split.ratios.dev", "allowed: eval, test, train"),
            ("features.amount.missing_indicator", "no", "features.amount.missing_indicator", "boolean, got 'no'"),
            ("features.amount.encoder.bins", 1, "features.amount.encoder.bins", "greater than or equal to 2, got 1"),
            ("features.amount.encoder.units", 0, "features.amount.encoder.units", "greater than 0, got 0"),
            (
                "features.amount.encoder",
                {"type": "periodic", "sigma": 0},
                "features.amount.encoder.sigma",
                "greater than 0, got 0",
            ),
            (
                "features.amount.encoder",
                {"type": "periodic", "frequencies": 0},
                "features.amount.encoder.frequencies",
                "greater than 0, got 0",
            ),
            ("features.words.tokens", 0, "features.words.tokens", "greater than 0, got 0"),
            ("features.words.vocabulary", 0, "features.words.vocabulary", "greater than 0, got 0"),
            ("features.words.oov", 0, "features.words.oov", "greater than 0, got 0"),
            ("features.words.encoder.embedding", 0, "features.words.encoder.embedding", "greater than 0, got 0"),
            ("features.words.encoder.units", 0, "features.words.encoder.units", "greater than 0, got 0"),
            ("features.words.encoder.dropout", 1, "features.words.encoder.dropout", "less than 1, got 1"),
            ("features.photo.encoder.kernel", 0, "features.photo.encoder.kernel", "greater than or equal to 1, got 0"),
            ("features.photo.encoder.units", 0, "features.photo.encoder.units", "greater than 0, got 0"),
            ("features.photo.encoder.dropout", 1, "features.photo.encoder.dropout", "less than 1, got 1"),
            ("features.photo.encoder.filters.0", 0, "features.photo.encoder.filters.0", "greater than 0, got 0"),
            (
                "features.photo.encoder",
                {"type": "resnet50", "trainable": "no"},
                "features.photo.encoder.trainable",
                "boolean, got 'no'",
            ),
            ("trunk.members", 0, "trunk.members", "greater than or equal to 1, got 0"),
            ("trunk.members", 257, "trunk.members", "less than or equal to 256, got 257"),
            ("heads.tags.separator", "", "heads.tags.separator", "at least 1 character"),
            ("training.optimizer.weight_decay", -1, "training.optimizer.weight_decay", "or equal to 0, got -1"),
            ("training.schedule.warmup_epochs", -1, "training.schedule.warmup_epochs", "or equal to 0, got -1"),
            ("training.schedule.factor", 1, "training.schedule.factor", "less than 1, got 1"),
            ("training.schedule.patience", 0, "training.schedule.patience", "greater than 0, got 0"),
            ("training.schedule", {"type": "cosine", "final": 2}, "training.schedule.final", "or equal to 1, got 2"),
            ("training.gradient_clip", 0, "training.gradient_clip", "greater than 0, got 0"),
            (
                "training.balancing",
                {"type": "uncertainty", "learning_rate": 0},
                "training.balancing.learning_rate",
                "greater than 0, got 0",
            ),
            ("training.balancing", {"type": "famo", "decay": -1}, "training.balancing.decay", "equal to 0, got -1"),
            (
                "training.balancing",
                {"type": "dwa", "temperature": 0},
                "training.balancing.temperature",
                "than 0, got 0",
            ),
            # Images and their encoders.
            ("features.photo.shape", [80, 96], "features.photo.shape.2", "missing"),
            ("features.photo.shape", [80, 96, 3, 1], "features.photo.shape", "at most 3 items"),
            ("features.photo.shape.2", 4, "features.photo.shape.2", "1 or 3, got 4"),
            ("features.photo.shape.0", 0, "features.photo.shape.0", "greater than 0, got 0"),
            ("features.photo.shape.0", 7, "features.photo", "3 blocks halve a 7x96 image to nothing: fewer `filters`"),
            ("features.photo.encoder.filters", [], "features.photo.encoder.filters", "at least 1 item"),
            (
                "features.photo",
                {"type": "image", "shape": [74, 96, 3], "encoder": {"type": "inception_v3"}},
                "features.photo",
                "inception_v3 takes [height, width, 3] of 75 pixels or more",
            ),
            (
                "features.photo",
                {"type": "image", "shape": [96, 96, 1], "encoder": {"type": "inception_v3"}},
                "features.photo",
                "inception_v3 takes [height, width, 3]",
            ),
            (
                "features.photo.encoder",
                {"type": "resnet50", "weights": "none"},
                "features.photo.encoder",
                "would keep random layers as they are",
            ),
            # Shapes.
            ("features.amount.encoder", "periodic", "features.amount.encoder", "got 'periodic'"),
            ("heads.kind.threshold", "f1", "heads.kind.threshold", "got 'f1'"),
            ("features.amount", None, "features.amount", "got None"),
            ("features.amount", "numeric", "features.amount", "got 'numeric'"),
            ("heads.size", ["multiclass"], "heads.size", "object"),
            ("data.split", {"by": "hash", "key": "year"}, "data.split.key", "got 'year'"),
            ("slices", "colour", "slices", "got 'colour'"),
            ("slices", ["colour"], "slices.0", "got 'colour'"),
            ("slices", [[]], "slices.0", "at least 1 item"),
            ("slices", [[1]], "slices.0.0", "valid string, got 1"),
            # Names.
            ("task", "Toy", "task", "got 'Toy', must match ^[a-z][a-z0-9_-]*$"),
            ("features.2nd", {"type": "numeric"}, "features.2nd", "got '2nd', must match ^[A-Za-z][A-Za-z0-9_]*$"),
            ("features.a-b", {"type": "numeric"}, "features.a-b", "got 'a-b', must match"),
            # Gates.
            ("gates.kind", [], "gates.kind", "must be `none` or a list of gates"),
            ("gates.kind", None, "gates.kind", "must be `none` or a list of gates"),
            ("gates.kind", "non", "gates.kind", "must be `none` or a list of gates"),
            ("gates.kind", [{"metric": "auc"}], "gates.kind.0", "a gate needs `min`, `max` or `max_drop`"),
            ("gates.kind.0.max", 0.4, "gates.kind.0", "min 0.5 is above max 0.4: nothing could pass"),
            ("gates.kind.0.slice", {"colour": True}, "gates.kind.0.slice.colour", "a text or a number, got True"),
            ("gates.kind.0.slice", {"colour": ["a"]}, "gates.kind.0.slice.colour", "must be a text or a number"),
            ("gates.kind.0.slice", {"year": float("nan")}, "gates.kind.0.slice.year", "a text or a number, got nan"),
            # Between keys.
            ("gates.size", DELETED, "gates.size", "head 'size' needs a list of gates, or `size: none` to go without"),
            ("gates.knd", "none", "gates.knd", "allowed: kind, size, tags, joint; did you mean 'kind'?"),
            ("gates.jont", [JOINT_GATE], "gates.jont", "'jont' is not a head; allowed: kind, size, tags, joint; did"),
            ("gates.joint", [], "gates.joint", "must be `none` or a list of gates"),
            ("gates.joint", [JOINT_GATE, {"metric": "auc", "min": 0.5}], "gates.joint.1.metric", "auc is a metric of"),
            ("gates.joint", [{"metric": "exact_mach", "min": 0.5}], "gates.joint.0.metric", "mean 'exact_match'?"),
            ("gates.kind.0.metric", "hamming_loss", "gates.kind.0.metric", "put the gate under `gates.joint`"),
            ("gates.kind.0.slice", 7, "gates.kind.0.slice", "or a column or a list of columns for every value of it"),
            ("gates.kind.0.slice", [], "gates.kind.0.slice", "at least 1 item"),
            ("gates.kind.0.slice", ["colour", 7], "gates.kind.0.slice.1", "valid string, got 7"),
            ("gates.kind.0.slice", ["colour", "colour"], "gates.kind.0", "a column stands twice in `slice`"),
            ("gates.kind.0.min_labelled", 0, "gates.kind.0.min_labelled", "greater than 0, got 0"),
            ("gates.kind.0.min_labelled", 1.5, "gates.kind.0.min_labelled", "valid integer, got 1.5"),
            ("heads.kind.depends_on", ["sise"], "heads.kind.depends_on.0", "allowed: size, tags; did you mean 'size'?"),
            ("heads.kind.depends_on", [{"head": "tgs"}], "heads.kind.depends_on.0", "did you mean 'tags'?"),
            ("heads.kind.depends_on", ["size", {"head": "size"}], "heads.kind.depends_on.1", "'size' stands twice"),
            ("heads.kind.depends_on", [["size"]], "heads.kind.depends_on.0", "object"),
            ("heads.tags.depends_on", [{"head": "kind"}], "heads.kind.depends_on", "other: kind -> tags -> kind"),
            ("heads.kind.depends_on", ["kind"], "heads.kind.depends_on", "wait for each other: kind -> kind"),
            ("heads.size.depends_on", ["kind"], "heads.kind.depends_on", "each other: kind -> size -> kind"),
            ("features.size", {"type": "numeric"}, "features.size", "is a head: a label cannot be a feature"),
            ("features.Amount", {"type": "numeric"}, "features.Amount", "differs from 'amount' in case only"),
            ("features.self", {"type": "numeric"}, "features.self", "cannot be an input of a served model: rename it"),
            ("features.amount_xf", {"type": "numeric"}, "features.amount_xf", "'amount' gets after Transform"),
            ("features.amount_missing", {"type": "numeric"}, "features.amount_missing", "'amount' gets"),
            ("features.amount_position", {"type": "numeric"}, "features.amount_position", "'amount' gets"),
            ("features.kind_label", {"type": "numeric"}, "features.kind_label", "'kind' gets after Transform"),
            ("features.kind_class_weight", {"type": "numeric"}, "features.kind_class_weight", "'kind' gets"),
        ],
    )
    def test_one_mistake_gives_one_problem_at_its_key(self, load, path, value, key, fragment):
        path = [int(part) if part.isdecimal() else part for part in path.split(".")]
        with pytest.raises(TaskError) as error:
            load(changed(EVERYTHING, path, value))
        [problem] = error.value.problems
        assert key == problem.key
        assert fragment in str(problem)

    def test_a_key_that_is_named_like_a_type(self, load):
        # pydantic puts the chosen type into an error's place, where it must not be taken for a key.
        data = changed(EVERYTHING, ["features", "numeric"], {"type": "numeric", "numeric": 1, "scaling": "z"})
        with pytest.raises(TaskError) as error:
            load(data)
        assert [p.key for p in error.value.problems] == ["features.numeric.scaling", "features.numeric.numeric"]

    def test_no_heads(self, load):
        with pytest.raises(TaskError) as error:
            load({**MINIMAL, "heads": {}, "gates": {}})
        assert [problem.key for problem in error.value.problems] == ["heads"]

    def test_a_longer_cycle(self, load):
        heads = {name: {"type": "multiclass", "depends_on": [other]} for name, other in ("ab", "bc", "cd", "db")}
        with pytest.raises(TaskError) as error:
            load({**MINIMAL, "heads": heads, "gates": dict.fromkeys(heads, "none")})
        assert [problem.message for problem in error.value.problems] == ["heads wait for each other: b -> c -> d -> b"]

    def test_a_diamond_is_no_cycle(self, load):
        needs = {"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}
        heads = {name: {"type": "multiclass", "depends_on": others} for name, others in needs.items()}
        task = load({**MINIMAL, "heads": heads, "gates": dict.fromkeys(heads, "none")})
        assert [dependency.head for dependency in task.heads["a"].depends_on] == ["b", "c"]

    @pytest.mark.parametrize("count", [8, 9])
    def test_pcgrad_is_for_at_most_eight_heads(self, load, count):
        heads = {f"h{i}": {"type": "multiclass"} for i in range(count)}
        data = {**MINIMAL, "heads": heads, "gates": dict.fromkeys(heads, "none")}
        assert load(data)  # Other ways of balancing take any number.
        data["training"] = {"balancing": {"type": "pcgrad"}}
        if count == 8:
            assert load(data)
            return
        with pytest.raises(TaskError) as error:
            load(data)
        [problem] = error.value.problems
        assert problem.key == "training.balancing.type"
        assert problem.message == "pcgrad keeps a gradient of the trunk per head: 9 heads, at most 8"

    def test_a_problem_names_file_line_key_value_and_what_is_allowed(self, tmp_path):
        file = tmp_path / "task.yaml"
        text = yaml.safe_dump(MINIMAL, sort_keys=False) + "data:\n  format: parqet\n"
        file.write_text(text, encoding="utf-8")
        with pytest.raises(TaskError) as error:
            load_task(file)
        line = text.splitlines().index("  format: parqet") + 1
        expected = "data.format: got 'parqet'; allowed: parquet, csv; did you mean 'parquet'?"
        assert f"{file}:{line}: {expected}" == str(error.value)

    def test_a_problem_of_an_override_names_the_option(self, load):
        with pytest.raises(TaskError) as error:
            load(MINIMAL, "training.epochs=0")
        assert str(error.value) == "--set training.epochs: training.epochs: input should be greater than 0, got 0"

    def test_duplicate_keys_are_reported_with_the_rest(self, tmp_path):
        file = tmp_path / "task.yaml"
        file.write_text(yaml.safe_dump({**MINIMAL, "task": "X"}, sort_keys=False) + "gates: {kind: none}\n")
        with pytest.raises(TaskError) as error:
            load_task(file)
        assert {"task", "gates"} == {problem.key for problem in error.value.problems}
