"""TensorFlow Transform on columns alone, without heads."""

import pytest


@pytest.fixture(scope="session")
def learn(tmp_path_factory):
    """Learns from rows as Transform does; gives what it learnt, and a function that transforms columns by it.

    Features are specifications by column; rows and columns hold a value per row, None where it is missing.
    """
    import pyarrow as pa
    import tensorflow as tf
    import tensorflow_transform as tft
    from tensorflow_transform.tf_metadata import dataset_metadata

    from components.transform.analysis import learnt
    from components.transform.features import ACCUMULATORS, TRANSFORMS
    from components.transform.graph import write_graph

    def run(features, columns):
        folder = tmp_path_factory.mktemp("learnt")
        kinds = {name: tf.float32 if feature.type == "numeric" else tf.string for name, feature in features.items()}
        metadata = dataset_metadata.DatasetMetadata.from_feature_spec(
            {name: tf.io.VarLenFeature(kind) for name, kind in kinds.items()}
        )
        made = {name: ACCUMULATORS[feature.type](feature) for name, feature in features.items()}
        accumulators = {name: accumulator for name, accumulator in made.items() if accumulator is not None}
        for name, accumulator in accumulators.items():
            kind = pa.large_list(pa.large_binary() if kinds[name] == tf.string else pa.float32())
            accumulator.add(pa.array([None if value is None else [value] for value in columns[name]], kind))
        learnt.save(str(folder / "found"), accumulators)
        found = learnt.Learnt(str(folder / "found"))

        def preprocess(inputs):
            return {
                column: tensor
                for name, feature in features.items()
                for column, tensor in TRANSFORMS[feature.type](name, inputs[name], feature, found.of(name)).items()
            }

        write_graph(preprocess, metadata.schema, str(folder))
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
