"""TensorFlow Serving's REST protocol, without a server and without a model."""

import json

import numpy as np
import pytest

from components.exported import Exported, ExportedFeature
from pipeline.serve import protocol
from pipeline.serve.errors import RequestError
from pipeline.serve.values import Input
from schema.names import MISSING_INT

INPUTS = {"amount": Input("FLOAT"), "count": Input("INT"), "colour": Input("BYTES"), "photo": Input("BYTES", True)}
ONE = {"amount": Input("FLOAT")}
TAKEN = {"serving_default": INPUTS, "serving_tf_example": {"examples": Input("BYTES", is_optional=False)}, "one": ONE}


def parse(content, max_rows=4):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return protocol.parse(body, TAKEN, max_rows)


def columns(content):
    return {name: values.tolist() for name, values in parse(content).columns.items()}


class TestRows:
    def test_a_row_per_instance(self):
        request = parse({"instances": [{"amount": 1, "count": 2, "colour": "red", "photo": {"b64": "/w=="}}] * 2})
        assert (request.signature, request.is_columnar, request.num_rows) == ("serving_default", False, 2)
        values = {name: values.tolist() for name, values in request.columns.items()}
        assert values == {"amount": [1.0] * 2, "count": [2] * 2, "colour": [b"red"] * 2, "photo": [b"\xff"] * 2}

    def test_what_is_left_out_or_null_is_missing(self):
        found = columns({"instances": [{"amount": 1.5}, {"colour": "red", "count": None, "photo": None}]})
        np.testing.assert_array_equal(found.pop("amount"), [1.5, np.nan])
        assert found == {"count": [MISSING_INT] * 2, "colour": [b"", b"red"], "photo": [b"", b""]}

    def test_a_row_may_have_nothing(self):
        assert columns({"instances": [{}]})["colour"] == [b""]

    def test_one_input_takes_bare_values(self):
        assert columns({"signature_name": "one", "instances": [1, 2.5]}) == {"amount": [1.0, 2.5]}

    def test_one_input_takes_named_values_too(self):
        assert columns({"signature_name": "one", "instances": [{"amount": 1}]}) == {"amount": [1.0]}

    def test_examples(self):
        for instance in ({"b64": "YQ=="}, {"examples": {"b64": "YQ=="}}):
            found = columns({"signature_name": "serving_tf_example", "instances": [instance]})
            assert found == {"examples": [b"a"]}


class TestColumns:
    def test_a_list_per_feature(self):
        request = parse({"inputs": {"amount": [1, None], "colour": ["red", {"b64": "/w=="}]}})
        assert (request.is_columnar, request.num_rows) == (True, 2)
        np.testing.assert_array_equal(request.columns["amount"], np.array([1, np.nan], np.float32))
        assert request.columns["colour"].tolist() == [b"red", b"\xff"]

    @pytest.mark.parametrize("given", [{}, {"count": []}, {"count": None}])
    def test_a_feature_without_values_is_missing(self, given):
        assert columns({"inputs": {"colour": ["red", "blue"], **given}})["count"] == [MISSING_INT] * 2

    def test_one_input_takes_a_bare_list(self):
        assert columns({"signature_name": "one", "inputs": [1, 2]}) == {"amount": [1.0, 2.0]}
        found = columns({"signature_name": "serving_tf_example", "inputs": {"examples": [{"b64": "YQ=="}]}})
        assert found == {"examples": [b"a"]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"not JSON in UTF-8: Expecting value"),
        (b'{"instances": [', r"not JSON"),
        (b'{"instances": ["\xff"]}', r"not JSON in UTF-8: 'utf-8' codec"),
        (b"[" * 100_000, r"nested too deeply"),
        (b'{"instances": [{"count": ' + b"9" * 5000 + b"}]}", r"not JSON"),
        ([1], r"the body is a list of 1; allowed: an object with"),
        ({}, r'either "instances" \(rows\) or "inputs" \(columns\); got neither'),
        ({"instances": [], "inputs": {}}, r"got both"),
        (
            {"signature_nam": "serving_tf_example", "instances": [{}]},
            r"^the request: unknown key \"signature_nam\"; allowed: signature_name, instances, inputs; "
            r"did you mean 'signature_name'\?$",
        ),
        ({"instance": [{}]}, r"unknown key \"instance\"; .* did you mean 'instances'\?"),
        ({"inputs": {"amount": [1]}, "": 1}, r'unknown key ""; allowed: signature_name, instances, inputs$'),
        ({"instances": []}, r"instances: got a list of 0; .* at least one"),
        ({"instances": {}}, r"instances: got an object; "),
        ({"instances": [{}] * 5}, r"instances: got 5 rows; allowed: 4 in a request"),
        ({"instances": [1]}, r"instances\[0\]: got number 1; allowed: an object with a value per feature"),
        ({"instances": [{}, [1]]}, r"instances\[1\]: got a list of 1"),
        ({"instances": [{}, {"b64": ""}]}, r"instances\[1\]: got \{\"b64\": text\}"),
        (
            {"instances": [{}, {"color": "red"}]},
            r"instances\[1\]: unknown feature \"color\"; allowed: amount, .*; did you mean 'colour'\?",
        ),
        ({"instances": [{"\ud800": 1}]}, r'unknown feature "\\ud800"'),
        ({"instances": [{"": 1}]}, r'instances\[0\]: unknown feature ""; allowed: amount, '),
        (
            {"instances": [{}, {"amount": "1"}]},
            r"instances\[1\]: feature 'amount': got text \"1\"; allowed: a number up to",
        ),
        ({"instances": [{"count": 1.5}]}, r"instances\[0\]: feature 'count': got number 1.5; allowed: a whole number"),
        ({"instances": [{"colour": "\ud800"}]}, r"feature 'colour': .* not Unicode"),
        ({"inputs": 3}, r"inputs: got number 3; allowed: an object with a list per feature"),
        ({"inputs": [1, 2]}, r"inputs: got a list of 2"),
        ({"inputs": {"b64": ""}}, r"inputs: got \{\"b64\": text\}"),
        ({"inputs": {}}, r"inputs: no feature has a value"),
        ({"inputs": {"amount": 1}}, r"inputs: feature 'amount': got number 1; allowed: a list with a value per row"),
        ({"inputs": {"amont": [1]}}, r"inputs: unknown feature \"amont\"; .* did you mean 'amount'\?"),
        ({"inputs": {"amount": [1] * 5}}, r"inputs: got 5 rows; allowed: 4"),
        (
            {"inputs": {"amount": [1, 2], "count": [1, 2, 3]}},
            r"feature 'amount' has 2 values, but 'count' has 3; each takes one per row",
        ),
        ({"inputs": {"amount": [1, [2]]}}, r"inputs, row 1: feature 'amount': got a list of 1"),
        ({"signature_name": 3, "instances": [{}]}, r"signature_name: got number 3; allowed: serving_default, "),
        (
            {"signature_name": "serving_defaults", "instances": [{}]},
            r"unknown signature \"serving_defaults\"; allowed: .*; did you mean 'serving_default'\?",
        ),
        ({"signature_name": "serving_tf_example", "instances": [{}]}, r"feature 'examples': got null; allowed: "),
        ({"signature_name": "one", "instances": [1, {"b64": ""}]}, r"instances\[1\]: feature 'amount': got \{\"b64\""),
    ],
)
def test_mistakes(content, message):
    with pytest.raises(RequestError, match=message) as error:
        parse(content)
    assert error.value.status == 400


def test_an_empty_name_of_a_signature_is_the_default():
    assert parse({"signature_name": "", "instances": [{}]}).signature == "serving_default"


def test_json_may_begin_with_a_byte_order_mark():
    assert parse(b'\xef\xbb\xbf{"instances": [{}]}').num_rows == 1


def test_nan_is_missing_as_in_the_signature():
    assert np.isnan(parse(b'{"instances": [{"amount": NaN}]}').columns["amount"][0])


class TestSignatures:
    def test_features_by_type(self):
        features = {"amount": ExportedFeature("numeric", "FLOAT"), "photo": ExportedFeature("image", "BYTES")}
        found = protocol.signatures(Exported("toy", {}, features))
        assert found["serving_default"] == {"amount": Input("FLOAT"), "photo": Input("BYTES", is_image=True)}
        assert found["serving_tf_example"] == {"examples": Input("BYTES", is_optional=False)}

    def test_a_model_without_features_takes_examples(self):
        assert list(protocol.signatures(Exported("", {}, {}))) == ["serving_tf_example"]


class TestRender:
    ROWS, COLUMNS = parse({"instances": [{}] * 2}), parse({"inputs": {"amount": [1, 2]}})

    @staticmethod
    def render(outputs, request):
        return json.loads(protocol.render({name: np.array(value) for name, value in outputs.items()}, request))

    def test_rows(self):
        outputs = {"b": np.float32([[0.1, 0.9], [1, 0]]), "a": np.array([b"x", b"y"], object)}
        assert self.render(outputs, self.ROWS) == {
            "predictions": [{"a": "x", "b": [0.1, 0.9]}, {"a": "y", "b": [1.0, 0.0]}]
        }

    def test_columns(self):
        outputs = {"b": np.float32([[0.1, 0.9], [1, 0]]), "a": np.array([b"x", b"y"], object)}
        assert self.render(outputs, self.COLUMNS) == {"outputs": {"a": ["x", "y"], "b": [[0.1, 0.9], [1.0, 0.0]]}}

    def test_the_only_output_has_no_name(self):
        assert self.render({"a": np.int64([1, 2])}, self.ROWS) == {"predictions": [1, 2]}
        assert self.render({"a": np.int64([[1], [2]])}, self.COLUMNS) == {"outputs": [[1], [2]]}

    def test_what_is_not_utf_8_goes_out_as_base64(self):
        outputs = {"a": np.array([b"\xff", "é".encode()], object)}
        assert self.render(outputs, self.ROWS) == {"predictions": [{"b64": "/w=="}, "é"]}

    def test_outputs_called_bytes_always_do(self):
        assert self.render({"a_bytes": np.array([b"a", b"b"], object)}, self.COLUMNS) == {
            "outputs": [{"b64": "YQ=="}, {"b64": "Yg=="}]
        }

    def test_numbers_are_those_of_the_model(self):
        values = np.random.default_rng(0).random((2, 50), np.float32)
        found = self.render({"a": values}, self.ROWS)["predictions"]
        np.testing.assert_array_equal(np.float32(found), values)
        assert b"0.2" in protocol.render({"a": np.float32([0.2, 0.2])}, self.ROWS)

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_what_is_not_finite_names_its_row(self, value):
        outputs = {"kind/scores": np.float32([[0, 1], [value, 1]])}
        with pytest.raises(RequestError, match=r"instances\[1\]: the answer 'kind/scores' is not finite"):
            protocol.render(outputs, self.ROWS)
        with pytest.raises(RequestError, match=r"inputs, row 1: the answer"):
            protocol.render(outputs, self.COLUMNS)
