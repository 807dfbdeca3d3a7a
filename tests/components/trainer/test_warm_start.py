"""What a training takes over from another model: found by name, and rows by what they stand for."""

import copy
import dataclasses
import json

import numpy as np
import pytest

CLASSES = {"zebra": ("no", "yes"), "mango": ("low", "mid", "high"), "apple": ("a", "b", "c", "d")}


@dataclasses.dataclass
class Vocabularies:
    """What TensorFlow Transform learnt, as far as it is asked."""

    terms: dict[str, list[str]]

    def vocabulary_by_name(self, name):
        return [term.encode() for term in self.terms[name.removesuffix("_vocabulary")]]


@dataclasses.dataclass
class Side:
    """A model of the toy task with its terms, every weight another number."""

    model: object
    axes: dict

    @property
    def kept(self):
        from components.trainer.kept_weights import KeptWeight

        return {
            layer.name: [
                KeptWeight(weight.name, np.array(weight), axes)
                for weight, axes in zip(layer.weights, self.axes[layer.name], strict=True)
            ]
            for layer in self.model.layers
            if layer.weights
        }

    def weights(self, layer):
        return {weight.name: np.array(weight) for weight in self.model.get_layer(layer).weights}

    def rows(self, layer, name, axis):
        """Returns the entries of a weight by what they stand for."""
        number = [weight.name for weight in self.model.get_layer(layer).weights].index(name)
        terms = self.axes[layer][number][axis]
        values = np.moveaxis(self.weights(layer)[name], axis, 0)
        assert len(terms) == len(set(terms)) == len(values)
        return dict(zip(terms, values, strict=True))


@pytest.fixture(scope="module")
def make(toy):
    """Builds a model whose vocabulary and classes are as given."""
    import keras

    from components.trainer.model import build_model
    from components.trainer.terms import axes_of

    def make_side(seed, colours=("red", "green", "blue", "grey"), classes=None, **parts):
        classes = CLASSES | (classes or {})
        task = toy.task(**parts)
        vocabularies = Vocabularies({"colour": list(colours)})
        keras.utils.set_random_seed(seed)
        is_tags = {head: spec.type == "multilabel" for head, spec in task.heads.items()}
        counts = {h: np.ones((len(classes[h]), 2) if is_tags[h] else len(classes[h]), int) for h in task.heads}
        model = build_model(task, {"colour": 1 + len(colours) + task.features["colour"].oov}, counts)
        rng = np.random.default_rng(seed)
        for weight in model.weights:
            weight.assign(rng.normal(size=weight.shape))
        return Side(model, axes_of(model, task, classes, vocabularies))

    return make_side


def take_over(new, old):
    """Takes over; returns layers taken, layers that are fresh with the reason, and the model as it was before."""
    from components.trainer.warm_start import take_over

    before = {layer.name: new.weights(layer.name) for layer in new.model.layers if layer.weights}
    started = take_over(new.model, new.axes, old.kept)
    for layer in started.fresh:
        assert_same(before[layer.layer], new.weights(layer.layer))
    return {layer.layer: layer for layer in started.taken}, {layer.layer: layer.why for layer in started.fresh}, before


def assert_same(expected, found):
    assert expected.keys() == found.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(values, found[name])


TRUNKS = [
    {},
    {"trunk__members": 3},
    {"trunk": {"type": "independent", "units": [4]}},
    {"trunk": {"type": "mmoe", "units": [4]}},
    {"trunk": {"type": "ple", "units": [4, 4]}},
]


@pytest.mark.parametrize("parts", TRUNKS, ids=["shared", "members", "independent", "mmoe", "ple"])
def test_an_equal_model_is_taken_over_as_a_whole(make, parts):
    new, old = make(1, **parts), make(2, **parts)
    taken, fresh, _ = take_over(new, old)
    assert fresh == {}
    assert {layer.how for layer in taken.values()} == {"whole"}
    assert sum(layer.weights for layer in taken.values()) == sum(int(np.prod(w.shape)) for w in new.model.weights)
    for layer in taken:
        assert_same(old.weights(layer), new.weights(layer))


@pytest.mark.parametrize("parts", TRUNKS, ids=["shared", "members", "independent", "mmoe", "ple"])
def test_rows_of_a_vocabulary_and_of_features_find_their_own(make, parts):
    new = make(1, ("grey", "pink", "red", "cyan"), **parts)
    old = make(2, ("red", "green", "grey"), **parts)
    taken, fresh, before = take_over(new, old)
    assert fresh == {}
    embeddings = [layer for layer in taken if layer.endswith("colour_embedding")]
    assert embeddings
    assert set(embeddings) == {layer for layer, of in taken.items() if of.how == "rows"}
    for layer in embeddings:
        assert (taken[layer].rows, taken[layer].of, taken[layer].weights) == (4, 6, 4 * 8)
        now, was = new.rows(layer, "embeddings", 0), old.rows(layer, "embeddings", 0)
        for term in ("none", "'grey'", "'red'", "unknown 0 of 1"):
            np.testing.assert_array_equal(was[term], now[term])
        for term in ("'pink'", "'cyan'"):
            place = list(now).index(term)
            np.testing.assert_array_equal(before[layer]["embeddings"][place], now[term])


@pytest.mark.parametrize("members", [1, 3])
def test_classes_find_their_own_and_new_ones_begin_as_ever(make, members):
    new = make(1, classes={"apple": ("d", "e", "b")}, trunk__members=members)
    old = make(2, trunk__members=members)
    taken, fresh, before = take_over(new, old)
    assert fresh == {}
    of_apple = taken.pop("apple")
    assert (of_apple.how, of_apple.rows, of_apple.of) == ("rows", 2, 3)
    assert {layer.how for layer in taken.values()} == {"whole"}
    for name in ("kernel", "bias"):
        now, was = new.rows("apple", name, -1), old.rows("apple", name, -1)
        for label in ("multiclass b", "multiclass d"):
            np.testing.assert_array_equal(was[label], now[label])
        np.testing.assert_array_equal(before["apple"][name][..., 1], now["multiclass e"])


def test_a_kernel_that_sees_another_heads_classes_finds_them_too(make):
    def seeing(units):
        heads = {head: {"type": "multiclass", "units": []} for head in CLASSES}
        heads["apple"] = {"type": "multiclass", "units": units, "depends_on": [{"head": "mango", "mode": "probs"}]}
        return heads

    for units, layer in (([], "apple"), ([5], "apple_hidden_0")):
        new = make(1, classes={"mango": ("high", "top", "low")}, heads=seeing(units))
        old = make(2, heads=seeing(units))
        taken, fresh, _ = take_over(new, old)
        assert fresh == {}
        assert {name for name, of in taken.items() if of.how == "rows"} == {"mango", layer}
        now, was = new.rows(layer, "kernel", -2), old.rows(layer, "kernel", -2)
        shared = now.keys() & was.keys()
        assert now.keys() - shared == {"mango top"}
        assert was.keys() - shared == {"mango mid"}
        for term in shared:
            np.testing.assert_array_equal(was[term], now[term])


@pytest.mark.parametrize("parts", TRUNKS, ids=["shared", "members", "independent", "mmoe", "ple"])
def test_a_new_feature_leaves_the_others_columns_where_they_belong(make, toy, parts):
    features = toy.task().model_dump(mode="json")["features"]
    fewer = {name: features[name] for name in ("colour", "x")}  # In another order, too.
    new, old = make(1, **parts), make(2, features=fewer, **parts)
    taken, fresh, before = take_over(new, old)
    assert fresh == {}
    readers = {layer for layer, of in taken.items() if of.how == "rows"}
    assert readers
    for layer in readers:
        assert (taken[layer].rows, taken[layer].of) == (9, 10)
    layer, name = ("members", "scale") if "members" in readers else (sorted(readers)[0], "kernel")
    axis = -1 if name == "scale" else -2
    now, was = new.rows(layer, name, axis), old.rows(layer, name, axis)
    for term, values in was.items():
        np.testing.assert_array_equal(values, now[term])
    np.testing.assert_array_equal(np.moveaxis(before[layer][name], axis, 0)[1], now["y 0 of 1"])


def test_a_feature_in_the_place_of_another_is_not_taken_for_it(make, toy):
    features = toy.task().model_dump(mode="json")["features"]
    other = {("z" if name == "y" else name): spec for name, spec in features.items()}
    new, old = make(1), make(2, features=other)
    taken, _, before = take_over(new, old)
    assert (taken["trunk_0"].how, taken["trunk_0"].rows, taken["trunk_0"].of) == ("rows", 9, 10)
    np.testing.assert_array_equal(before["trunk_0"]["kernel"][1], new.weights("trunk_0")["kernel"][1])


@pytest.mark.parametrize(
    ("new", "old", "fresh"),
    [
        ({"trunk__units": [16]}, {}, {"trunk_0": "kernel of shape (10, 16), (10, 32) there"}),
        ({"trunk__units": [32, 4]}, {}, {"trunk_1": "no layer of this name there"}),
        ({"features__colour__embedding": 4}, {}, {"colour_embedding": "embeddings of shape (6, 4), (6, 8) there"}),
        ({}, {"heads": {"zebra": {"type": "multiclass", "units": [8]}}}, {"mango": "no layer of this name there"}),
        ({"trunk__members": 2}, {}, {"trunk_0": "a layer of another kind there"}),
        (
            {"heads__apple": {"type": "multilabel", "units": [8]}},
            {},
            {"apple": "kernel has no row in common"},
        ),
        (
            {"heads__apple__depends_on": [{"head": "zebra", "mode": "probs"}]},
            {},
            {"apple_hidden_0": "kernel of other inputs there"},
        ),
    ],
    ids=["width", "layer", "embedding", "head", "members", "type", "depends_on"],
)
def test_what_does_not_agree_begins_anew_and_says_why(make, new, old, fresh):
    _, found, _ = take_over(make(1, **new), make(2, **old))
    assert {layer: found[layer] for layer in fresh} == fresh


def test_a_layer_is_taken_over_as_a_whole_or_not_at_all(make):
    new, old = make(1), make(2)
    kept = copy.copy(old.kept)
    kernel, bias = kept["trunk_0"]
    kept["trunk_0"] = [kernel, dataclasses.replace(bias, values=bias.values[:-1])]
    from components.trainer import warm_start

    before = new.weights("trunk_0")
    started = warm_start.take_over(new.model, new.axes, kept)
    assert [layer.why for layer in started.fresh] == ["bias of shape (32,), (31,) there"]
    assert_same(before, new.weights("trunk_0"))


def test_it_answers_as_the_other_did_whatever_the_order_of_terms_and_classes(make, toy):
    old = make(2, ("red", "green", "blue", "grey"))
    new = make(1, ("grey", "blue", "red", "green"), {"apple": ("d", "c", "b", "a")})
    take_over(new, old)
    rows = toy.rows(50).features
    ids = np.array([0, 3, 4, 2, 1, 5])  # In the new vocabulary, of those in the old one.
    before = old.model(rows, training=False)
    now = new.model(rows | {"colour_xf": ids[rows["colour_xf"]]}, training=False)
    for head, logits in before.items():
        expected = np.array(logits)[:, ::-1] if head == "apple" else np.array(logits)
        np.testing.assert_allclose(now[head], expected, rtol=1e-4, atol=1e-4)


def test_it_lists_every_layer_once_and_as_plain_data(make):
    from components.trainer.warm_start import take_over

    new = make(1, ("red", "pink"), trunk__units=[16])
    started = take_over(new.model, new.axes, make(2).kept)
    data = json.loads(json.dumps(dataclasses.asdict(started)))
    listed = [layer["layer"] for layer in data["taken"] + data["fresh"]]
    assert sorted(listed) == sorted(layer.name for layer in new.model.layers if layer.weights)
    assert data["taken"][0] == {"layer": "colour_embedding", "weights": 24, "how": "rows", "rows": 3, "of": 4}
    assert data["fresh"][0] == {"layer": "trunk_0", "why": "kernel of shape (10, 16), (10, 32) there"}
