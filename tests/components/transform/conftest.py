"""TensorFlow Transform on columns alone, without heads."""

import pytest


@pytest.fixture(scope="session")
def learn(beam_arguments, tmp_path_factory):
    """Learns from rows as Transform does; gives what it learnt, and a function that transforms columns by it.

    Features are specifications by column; rows and columns hold a value per row, None where it is missing.
    """
    import apache_beam as beam
    import tensorflow as tf
    import tensorflow_transform as tft
    import tensorflow_transform.beam as tft_beam
    from tensorflow_transform.tf_metadata import dataset_metadata

    from components.transform.features import TRANSFORMS

    def run(features, columns):
        folder = tmp_path_factory.mktemp("learnt")
        kinds = {name: tf.float32 if feature.type == "numeric" else tf.string for name, feature in features.items()}
        metadata = dataset_metadata.DatasetMetadata.from_feature_spec(
            {name: tf.io.VarLenFeature(kind) for name, kind in kinds.items()}
        )
        count = max(map(len, columns.values()))
        rows = [
            {name: [v for v in columns[name][i : i + 1] if v is not None] for name in features} for i in range(count)
        ]

        def preprocess(inputs):
            return {
                column: tensor
                for name, feature in features.items()
                for column, tensor in TRANSFORMS[feature.type](name, inputs[name], feature).items()
            }

        pipeline = beam.Pipeline(options=beam.options.pipeline_options.PipelineOptions(beam_arguments))
        with pipeline, tft_beam.Context(temp_dir=str(tmp_path_factory.mktemp("beam"))):
            transform_fn = (pipeline | beam.Create(rows), metadata) | tft_beam.AnalyzeDataset(preprocess)
            _ = transform_fn | tft_beam.WriteTransformFn(str(folder))
        output = tft.TFTransformOutput(str(folder))
        layer = output.transform_features_layer()

        def transform(**given):
            sparse = {}
            for name, values in given.items():
                where = [[i, 0] for i, value in enumerate(values) if value is not None]
                present = tf.constant([value for value in values if value is not None], kinds[name])
                width = 1 if where else 0  # As tf.io.parse_example has it.
                indices = tf.reshape(tf.constant(where, tf.int64), [-1, 2])
                sparse[name] = tf.SparseTensor(indices, present, [len(values), width])
            return {name: tensor.numpy() for name, tensor in layer(sparse).items()}

        return output, transform

    return run
