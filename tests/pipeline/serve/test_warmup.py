"""What a model is asked before clients ask it."""

import pytest

from pipeline.serve import protocol, warmup
from schema.errors import DataError

FILE = "assets.extra/tf_serving_warmup_requests"


class Recorder:
    """Stands in for a model: keeps what it is asked."""

    def __init__(self, folder):
        self.folder, self.asked = folder, []

    def predict(self, columns):
        self.asked.append({name: values.tolist() for name, values in columns.items()})

    def predict_examples(self, serialized):
        self.asked.append(serialized)


@pytest.fixture
def taken(servable):
    return protocol.signatures(servable.exported)


@pytest.fixture
def write_warmup(tmp_path):
    def write(*asked):
        import tensorflow as tf
        from tensorflow_serving.apis import prediction_log_pb2

        (tmp_path / "assets.extra").mkdir()
        with tf.io.TFRecordWriter(str(tmp_path / FILE)) as writer:
            for signature, inputs in asked:
                log = prediction_log_pb2.PredictionLog()
                log.predict_log.request.model_spec.signature_name = signature
                for name, values in inputs.items():
                    log.predict_log.request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
                writer.write(log.SerializeToString())

    return write


def test_recorded_requests_are_asked(taken, write_warmup, tmp_path):
    write_warmup(
        ("serving_default", {"amount": [1.5, 2.5], "colour": [b"red", b""]}),
        ("serving_tf_example", {"examples": [b"", b"x"]}),
        ("", {"amount": [3.5]}),
        ("evaluation", {"examples": [b""]}),
    )
    recorder = Recorder(tmp_path)
    warmup.warm_up(recorder, taken)
    assert recorder.asked == [{"amount": [1.5, 2.5], "colour": [b"red", b""]}, [b"", b"x"], {"amount": [3.5]}]


def test_without_records_a_row_of_nothing_is_asked(taken, tmp_path):
    recorder = Recorder(tmp_path)
    warmup.warm_up(recorder, taken)
    assert recorder.asked[0]["colour"] == [b""]
    assert recorder.asked[1] == [b""]


def test_a_model_that_does_not_answer_is_told(taken, servable, write_warmup, tmp_path, monkeypatch):
    write_warmup(("serving_tf_example", {"examples": [b"hallo"]}))
    monkeypatch.setattr(servable, "folder", tmp_path)
    with pytest.raises(DataError, match=r"not a serialized tf.Example"):
        warmup.warm_up(servable, taken)
