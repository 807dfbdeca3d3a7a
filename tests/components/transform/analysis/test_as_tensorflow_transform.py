"""What is learnt is what TensorFlow Transform's own analysers learn of the same rows, and columns come out the same."""

import json

import numpy as np
import pyarrow as pa
import pytest

from components.transform.analysis.analysis import Analysis
from schema.columns import column_types

_TASK = {
    "task": "golden",
    "features": {
        "height": {"type": "numeric", "scaling": "zscore"},
        "age": {"type": "numeric", "scaling": "minmax"},
        "same": {"type": "numeric", "scaling": "minmax"},
        "wind": {"type": "numeric", "encoder": {"type": "piecewise_linear", "bins": 16}},
        "city": {"type": "categorical", "vocabulary": 5, "oov": 3, "embedding": 3},
        "code": {"type": "categorical", "vocabulary": 4, "oov": 2, "embedding": 3},
        "none": {"type": "categorical", "vocabulary": 4, "embedding": 3},
        "note": {"type": "text", "tokens": 3, "vocabulary": 8, "oov": 2, "encoder": {"type": "bag"}},
    },
    "heads": {
        "zone": {"type": "multiclass", "loss": {"class_weights": "balanced"}},
        "tags": {"type": "multilabel", "loss": {"class_weights": "balanced"}},
    },
    "gates": {"zone": "none", "tags": "none"},
}
_CLASSES = {"zone": ["in", "out"], "tags": ["x", "y"]}
_INTS = ("age", "code")
_FLOATS = ("height", "same", "wind")


def draw(count):
    rng = np.random.default_rng(7)
    cities = ["oslo", "rome", "bonn", "lima", "köln", "a\nb", "", "pisa", "bari"]
    words = ["Sky", "sea", "red", "blue;", "ÉTÉ", "one", "two", "three", "four", "five"]
    makers = {
        "height": lambda: float(rng.normal(40, 2)),
        "age": lambda: int(rng.integers(-5, 60)),
        "same": lambda: 3.0,
        "wind": lambda: float(rng.choice([0, rng.exponential(9)])),
        "city": lambda: str(rng.choice(cities)),
        "code": lambda: int(rng.integers(-3, 7)),
        "none": lambda: None,
        "note": lambda: " ".join(rng.choice(words, rng.integers(0, 6))),
        "zone": lambda: str(rng.choice(["in", "in", "out", "elsewhere"])),
        "tags": lambda: [tag for tag in ("x", "y", "w") if rng.random() < 0.4] or [""],
    }
    return [{name: None if rng.random() < 0.1 else make() for name, make in makers.items()} for _ in range(count)]


@pytest.fixture(scope="module")
def spec():
    import tensorflow as tf

    kinds = dict.fromkeys(_FLOATS, tf.float32) | dict.fromkeys(_INTS, tf.int64)
    names = [*_TASK["features"], *_TASK["heads"]]
    return {name: tf.io.VarLenFeature(kinds.get(name, tf.string)) for name in names}


@pytest.fixture(scope="module")
def rows():
    return draw(3000)


def _values(value):
    listed = value if isinstance(value, list) else [] if value is None else [value]
    return [v.encode() if isinstance(v, str) else v for v in listed]


@pytest.fixture(scope="module")
def theirs(spec, rows, make_task, beam_arguments, tmp_path_factory):
    """Columns by TensorFlow Transform's analysers, and what they learnt."""
    import apache_beam as beam
    import tensorflow as tf
    import tensorflow_transform as tft
    import tensorflow_transform.beam as tft_beam
    from tensorflow_transform.tf_metadata import dataset_metadata

    from components.transform import labels
    from components.transform.dense import one_per_row
    from components.transform.features.numeric import positions
    from components.transform.features.text import tokenize

    task = make_task(_TASK)

    def preprocess(inputs):
        def vocabulary(name, values, top_k, oov):
            return 1 + tft.compute_and_apply_vocabulary(
                values, top_k=top_k, num_oov_buckets=oov, vocab_filename=f"{name}_vocabulary"
            )

        def edges(values):
            quantiles = [
                tf.reshape(tft.quantiles(part, count + 1, 0.001), [count])
                for part, count in ((values, 8), (tf.boolean_mask(values, values != 0), 7))
            ]
            return tf.sort(tf.concat([[tft.min(values)], *quantiles, [tft.max(values)]], axis=0))

        height, same, wind = (inputs[name] for name in ("height", "same", "wind"))
        age = inputs["age"].with_values(tf.cast(inputs["age"].values, tf.float32))
        code = tf.strings.as_string(inputs["code"].values)
        tokens = tokenize(one_per_row(inputs["note"], ""))[:, :3]
        token_ids = tokens.with_flat_values(vocabulary("note", tokens.flat_values, 8, 2))
        codes = {name: labels.encode(inputs[name], head, tuple(_CLASSES[name]))[2] for name, head in task.heads.items()}
        every = tf.zeros_like(codes["zone"][:, :1])
        return {
            "height_xf": one_per_row(tft.scale_to_z_score(height), 0.0),
            "age_xf": one_per_row(tft.scale_to_0_1(age), 0.0),
            "same_xf": one_per_row(tft.scale_to_0_1(same), 0.0),
            "wind_position": one_per_row(wind.with_values(positions(wind.values, edges(wind.values))), 0.0),
            "city_xf": one_per_row(inputs["city"].with_values(vocabulary("city", inputs["city"].values, 5, 3)), 0),
            "code_xf": one_per_row(inputs["code"].with_values(vocabulary("code", code, 4, 2)), 0),
            "none_xf": one_per_row(inputs["none"].with_values(vocabulary("none", inputs["none"].values, 4, 1)), 0),
            "note_xf": token_ids.to_tensor(0, shape=[None, 3]),
            "zone_counts": every + tft.sum(codes["zone"], reduce_instance_dims=False),
            "tags_counts": every[:, :, tf.newaxis] + tft.sum(codes["tags"], reduce_instance_dims=False),
        }

    folder = str(tmp_path_factory.mktemp("theirs"))
    metadata = dataset_metadata.DatasetMetadata.from_feature_spec(spec)
    given = [{name: _values(value) for name, value in row.items()} for row in rows]
    pipeline = beam.Pipeline(options=beam.options.pipeline_options.PipelineOptions(beam_arguments))
    with pipeline, tft_beam.Context(temp_dir=str(tmp_path_factory.mktemp("beam"))):
        transform_fn = (pipeline | beam.Create(given), metadata) | tft_beam.AnalyzeDataset(preprocess)
        _ = transform_fn | tft_beam.WriteTransformFn(folder)
    return tft.TFTransformOutput(folder)


@pytest.fixture(scope="module")
def serialized(rows):
    from tfx_bsl.coders import example_coder

    kinds = {name: pa.float32() for name in _FLOATS} | {name: pa.int64() for name in _INTS}
    table = {
        name: pa.array([_values(row[name]) or None for row in rows], pa.large_list(kinds.get(name, pa.large_binary())))
        for name in rows[0]
    }
    return example_coder.RecordBatchToExamplesEncoder().encode(pa.RecordBatch.from_pydict(table))


@pytest.fixture(scope="module")
def ours(spec, serialized, make_task, tmp_path_factory):
    import functools

    import tensorflow as tf
    import tensorflow_transform as tft
    from tensorflow_transform.tf_metadata import dataset_metadata

    from components.transform.analysis import learnt
    from components.transform.graph import write_graph
    from components.transform.preprocessing import preprocessing_fn

    folder = tmp_path_factory.mktemp("ours")
    files = [str(folder / f"{i}.gz") for i in range(3)]
    for i, file in enumerate(files):
        with tf.io.TFRecordWriter(file, "GZIP") as writer:
            for record in serialized[i::3]:
                writer.write(record)
    schema = dataset_metadata.DatasetMetadata.from_feature_spec(spec).schema
    config = {"task": make_task(_TASK).to_json(), "classes": json.dumps(_CLASSES), "learnt": str(folder / "learnt")}
    analysis = Analysis(config["task"], config["classes"], column_types(schema))
    learnt.save(config["learnt"], analysis.merged(map(analysis.of_file, files)))
    write_graph(functools.partial(preprocessing_fn, custom_config=config), schema, str(folder / "graph"))
    return tft.TFTransformOutput(str(folder / "graph")), learnt.Learnt(config["learnt"])


@pytest.fixture(scope="module")
def columns(spec, serialized, ours, theirs):
    import tensorflow as tf

    parsed = tf.io.parse_example(tf.constant(serialized), spec)
    return [
        {name: tensor.numpy() for name, tensor in output.transform_features_layer()(parsed).items()}
        for output in (ours[0], theirs)
    ]


@pytest.mark.parametrize("name", ["city", "code", "none", "note"])
def test_vocabularies_are_the_same_to_the_last_term(ours, theirs, name):
    expected = theirs.vocabulary_by_name(f"{name}_vocabulary")
    assert expected == ours[0].vocabulary_by_name(f"{name}_vocabulary")
    assert len(expected) == ours[0].vocabulary_size_by_name(f"{name}_vocabulary")


@pytest.mark.parametrize("name", ["city_xf", "code_xf", "none_xf", "note_xf"])
def test_ids_are_the_same_unknown_ones_included(columns, name):
    found, expected = columns
    assert found[name].dtype == expected[name].dtype
    np.testing.assert_array_equal(found[name], expected[name])


@pytest.mark.parametrize("name", ["height_xf", "age_xf", "same_xf"])
def test_scaled_numbers_are_the_same_within_noise(columns, name):
    found, expected = columns
    assert found[name].dtype == expected[name].dtype == np.float32
    np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-4)


def test_positions_among_bins_are_the_same_within_the_rank_error(columns):
    found, expected = columns
    assert np.abs(found["wind_position"] - expected["wind_position"]).max() < 0.2


@pytest.mark.parametrize("name", ["zone", "tags"])
def test_label_counts_are_the_same(columns, ours, name):
    assert ours[1].of(name) == columns[1][f"{name}_counts"][0].tolist()
