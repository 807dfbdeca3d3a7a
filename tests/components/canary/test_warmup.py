"""Warm-up requests, read as TensorFlow Serving reads them, and answered by the model."""

import numpy as np
import pytest


@pytest.fixture(scope="module")
def requests(sample, told, tmp_path_factory):
    """What lies in the file."""
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    from components.canary import warmup
    from components.canary.requests import read_rows

    file = tmp_path_factory.mktemp("warmup") / "requests"
    warmup.write(file, read_rows(sample.serialize(sample.draw(12)), told.features), told)
    records = tf.data.TFRecordDataset(str(file)).as_numpy_iterator()
    logs = [prediction_log_pb2.PredictionLog.FromString(record) for record in records]
    assert {log.WhichOneof("log_type") for log in logs} == {"predict_log"}
    return [log.predict_log.request for log in logs]


def test_both_serving_signatures_are_warmed_up_by_single_rows_and_a_batch(requests):
    signatures = [request.model_spec.signature_name for request in requests]
    assert signatures == ["serving_default", "serving_tf_example"] * 5
    assert {request.model_spec.name for request in requests} == {"sample"}
    rows = [next(iter(request.inputs.values())).tensor_shape.dim[0].size for request in requests]
    assert rows == [1] * 8 + [12] * 2


def test_every_request_names_all_inputs_of_its_signature_in_their_types(requests, loaded):
    import tensorflow as tf

    signatures = loaded.signatures
    for request in requests:
        expected = signatures[request.model_spec.signature_name].structured_input_signature[1]
        assert {name: spec.dtype for name, spec in expected.items()} == {
            name: tf.as_dtype(given.dtype) for name, given in request.inputs.items()
        }


def test_the_model_answers_every_request_alike_in_both_signatures(requests, servable):
    import tensorflow as tf

    for by_feature, by_example in zip(requests[::2], requests[1::2], strict=True):
        answer = servable.predict({name: tf.make_ndarray(given) for name, given in by_feature.inputs.items()})
        other = servable.predict_examples(tf.make_ndarray(by_example.inputs["examples"]).tolist())
        np.testing.assert_allclose(answer["mood/scores"], other["mood/scores"], atol=1e-5)
