"""preprocessing_fn through TensorFlow Transform, on the sample's seven rows (conftest.py)."""

import numpy as np
import pytest


@pytest.fixture(scope="module")
def transform(sample, transform_output):
    """Transforms rows as training does."""
    layer = transform_output.transform_features_layer()
    return lambda rows: {name: tensor.numpy() for name, tensor in layer(sample.parse(rows)).items()}


@pytest.fixture(scope="module")
def training(sample, transform):
    return transform(sample.rows)


def test_every_column_has_its_own_name_and_one_value_or_vector_per_row(sample, training):
    features = {"height_xf", "height_missing", "age_xf", "age_missing", "score_xf", "city_xf", "code_xf"}
    features |= {"note_xf", "photo_xf"}
    labels = {f"{head}_{suffix}" for head in sample.task.heads for suffix in ("label", "labelled", "class_weight")}
    assert features | labels == set(training)
    widths = {"note_xf": (3,), "tags_label": (3,), "tags_class_weight": (3,)}
    assert {name: (7, *widths.get(name, ())) for name in training} == {n: v.shape for n, v in training.items()}


def test_zscore_uses_rows_with_a_value_and_missing_becomes_the_mean(training):
    present = np.array([1.0, 2.0, 3.0, 6.0, 8.0])
    scaled = (present - present.mean()) / present.std()
    expected = [*scaled[:4], 0.0, 0.0, scaled[4]]
    np.testing.assert_allclose(training["height_xf"], expected, rtol=1e-5)


def test_minmax_maps_the_range_of_the_training_rows_to_0_1(sample, transform, training):
    np.testing.assert_allclose(training["age_xf"], [0, 0, 0.25, 0.75, 0.5, 0, 1], atol=1e-6)
    assert transform([{"age": 60}])["age_xf"].item() == pytest.approx(1.25)


def test_no_scaling_keeps_the_numbers(training):
    assert training["score_xf"].tolist() == [5.0, -5.0, 0.0, 0.5, 1.5, 0.0, 2.5]


def test_missing_indicator_is_1_where_there_is_no_value_and_can_be_left_out(training):
    assert training["height_missing"].tolist() == [0, 0, 0, 0, 1, 1, 0]
    assert training["age_missing"].tolist() == [0, 1, 0, 0, 0, 1, 0]
    assert "score_missing" not in training


def test_a_missing_number_without_an_indicator_cannot_be_told_from_0(transform):
    missing, zero = transform([{"score": None, "age": None}]), transform([{"score": 0.0, "age": 10}])
    assert missing["score_xf"] == zero["score_xf"]
    assert missing["age_xf"] == zero["age_xf"]
    assert missing["age_missing"] != zero["age_missing"]


def test_category_ids_are_0_for_missing_then_the_vocabulary_by_frequency_then_oov(transform_output, training):
    assert transform_output.vocabulary_by_name("city_vocabulary") == [b"oslo", b"rome"]
    assert training["city_xf"].tolist() == [1, 1, 1, 2, 2, 0, 3]


def test_the_vocabulary_knob_bounds_the_ids(transform_output, transform):
    # `bonn` stands in the training rows, but city's vocabulary has room for two; code's has room for all three.
    assert transform_output.vocabulary_size_by_name("city_vocabulary") == 2
    assert transform([{"city": "bonn"}])["city_xf"] == transform([{"city": "never seen"}])["city_xf"] == 3
    assert transform_output.vocabulary_size_by_name("code_vocabulary") == 3


def test_integer_categories_have_ids_too(transform_output, training):
    assert transform_output.vocabulary_by_name("code_vocabulary")[:2] == [b"7", b"8"]
    assert training["code_xf"].tolist() == [1, 1, 2, 1, 0, 3, 2]


def test_the_oov_knob_spreads_unknown_values_over_as_many_ids(transform):
    unknown = [{"code": code, "city": f"city {code}"} for code in range(100, 150)]
    transformed = transform(unknown)
    assert {4, 5} == set(transformed["code_xf"].tolist())
    assert {3} == set(transformed["city_xf"].tolist())


def test_texts_are_ids_of_their_first_tokens(transform_output, training):
    # Of the first three tokens: red 3, sky 3, sea 2, blue 1. Three rows hold no letter.
    assert transform_output.vocabulary_by_name("note_vocabulary") == [b"sky", b"red", b"sea", b"blue"]
    assert training["note_xf"].tolist() == [[2, 2, 1], [4, 1, 0], [0] * 3, [1, 3, 2], [0] * 3, [3, 0, 0], [0] * 3]


def test_images_stay_encoded(sample, training):
    photos = [sample.photos()[row["photo"]] if row["photo"] else b"" for row in sample.rows]
    assert photos == training["photo_xf"].tolist()


def test_labels_are_positions_among_the_classes(training):
    assert training["zone_label"][:4].tolist() == [0, 0, 0, 1]
    assert training["mood_label"][:5].tolist() == [0, 0, 1, 2, 0]


def test_a_missing_or_undeclared_label_has_mask_0_for_its_head_only(training):
    assert training["zone_labelled"].tolist() == [1, 1, 1, 1, 0, 1, 0]
    assert training["mood_labelled"].tolist() == [1, 1, 1, 1, 1, 0, 1]
    assert training["fit_labelled"].tolist() == [1, 1, 1, 0, 1, 0, 1]
    assert training["zone_label"][[4, 6]].tolist() == [0, 0]


def test_class_weights_are_those_of_the_rows_class(training):
    # zone: four rows `in` and one `out`, balanced; a row without a label weighs 1, and its mask is 0.
    np.testing.assert_allclose(training["zone_class_weight"], [0.625] * 3 + [2.5, 1, 0.625, 1], rtol=1e-6)
    # mood: sad 3, fine 2, glad 1, with glad four times the others.
    np.testing.assert_allclose(training["mood_class_weight"], [2 / 3] * 3 + [8 / 3, 2 / 3, 1, 2 / 3], rtol=1e-6)
    np.testing.assert_allclose(training["fit_class_weight"], np.ones(7))


@pytest.mark.parametrize("head", ["zone", "mood", "kind", "fit"])
def test_weights_average_1_over_the_labelled_training_rows(training, head):
    mask, weight = training[f"{head}_labelled"], training[f"{head}_class_weight"]
    assert (mask * weight).sum() / mask.sum() == pytest.approx(1, rel=1e-6)


def test_a_class_without_training_rows_has_a_finite_weight(transform):
    assert np.isfinite(transform([{"kind": "c"}])["kind_class_weight"]).all()


def test_statistics_are_those_of_the_training_rows_only(transform, training):
    alone = transform([{"height": 1.0, "city": "rome"}])
    assert training["height_xf"][0] == alone["height_xf"].item()
    assert alone["city_xf"].item() == 2


def test_serving_needs_no_labels(sample, transform_output, training):
    features = {name: tensor for name, tensor in sample.parse(sample.rows).items() if name in sample.task.features}
    served = transform_output.transform_features_layer()(features)
    for name in ("height_xf", "age_xf", "age_missing", "score_xf", "city_xf", "code_xf", "note_xf", "photo_xf"):
        np.testing.assert_array_equal(training[name], served[name])
    assert not [name for name in served if name.endswith(("_label", "_labelled", "_class_weight"))]


def test_a_batch_without_any_value_of_a_column_works(transform):
    empty = transform([{}, {}])
    assert empty["city_xf"].tolist() == [0, 0]
    assert empty["height_xf"].tolist() == [0, 0]
    assert empty["note_xf"].tolist() == [[0, 0, 0]] * 2
    assert empty["photo_xf"].tolist() == [b"", b""]
    assert empty["height_missing"].tolist() == [1, 1]
    assert empty["zone_labelled"].tolist() == [0, 0]
