"""TensorFlow Serving's REST API over HTTP: a real client, a real server, a real SavedModel."""

import base64
import concurrent.futures
import json
import logging
import socket
import threading

import hypothesis
import hypothesis.strategies as st
import pytest

URL = "/v1/models/toy"


@pytest.fixture(scope="module")
def client(models, run_server, tmp_path_factory):
    """A client of a server of version 1."""
    folder = tmp_path_factory.mktemp("serving")
    (folder / "1").symlink_to(models[0])
    with run_server(folder) as client:
        yield client


def ask(client, content, url=f"{URL}:predict"):
    response = client.post(url, json=content)
    return response.status_code, response.json()


class TestStatus:
    def test_of_the_model(self, client):
        expected = {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        for url in (URL, f"{URL}/versions/1"):
            response = client.get(url)
            assert (response.status_code, response.json()) == (200, {"model_version_status": [expected]})
            assert response.headers["content-type"] == "application/json"

    def test_health(self, client):
        assert client.get("/healthz").json() == {"status": "ok", "version": "1"}


class TestMetadata:
    @pytest.mark.parametrize("url", [f"{URL}/metadata", f"{URL}/versions/1/metadata"])
    def test_signatures(self, client, url):
        answer = client.get(url).json()
        assert answer["model_spec"] == {"name": "toy", "signature_name": "", "version": "1"}
        defs = answer["metadata"]["signature_def"]["signature_def"]
        assert set(defs) == {"serving_default", "serving_tf_example"}
        default = defs["serving_default"]
        assert default["method_name"] == "tensorflow/serving/predict"
        types = {name: part["dtype"] for name, part in default["inputs"].items()}
        assert types == {"amount": "DT_FLOAT", "count": "DT_INT64", "colour": "DT_STRING", "photo": "DT_STRING"}
        shape = {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}
        assert default["inputs"]["amount"]["tensor_shape"] == shape
        assert default["inputs"]["amount"]["name"].startswith("serving_default_amount")
        assert "kind/scores" in default["outputs"]


class TestPredict:
    @pytest.mark.parametrize("url", [f"{URL}:predict", f"{URL}/versions/1:predict"])
    def test_rows(self, client, url, cat_score):
        response = client.post(url, json={"instances": [{"amount": 3}, {"amount": 7.5, "count": 1}]})
        assert response.status_code == 200
        assert response.headers["x-model-version"] == "1"
        assert response.headers["content-type"] == "application/json"
        first, second = response.json()["predictions"]
        assert first["kind/scores"][0] == pytest.approx(cat_score(1, 3), abs=1e-6)
        assert first["kind/classes"] == ["cat", "dog"]
        assert (second["kind/label"], second["tags/labels"]) == ("cat", ["round", ""])

    def test_columns(self, client):
        status, answer = ask(client, {"inputs": {"amount": [3, 7.5], "colour": ["red", None]}})
        assert (status, answer["outputs"]["kind/label"]) == (200, ["dog", "cat"])

    def test_examples_and_images(self, client, photo):
        content = {"signature_name": "serving_tf_example", "instances": [{"b64": ""}]}
        assert ask(client, content)[0] == 200
        encoded = {"b64": base64.b64encode(photo).decode()}
        assert ask(client, {"instances": [{"photo": encoded}]})[0] == 200

    def test_whatever_type_curl_says_the_body_has(self, client):
        headers = {"content-type": "application/x-www-form-urlencoded"}
        assert client.post(f"{URL}:predict", content=b'{"instances": [{}]}', headers=headers).status_code == 200


class TestErrors:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ({"instances": [{}, {"amount": "3"}]}, "instances[1]: feature 'amount': got text \"3\"; allowed: a number"),
            ({"instances": [{}] * 9}, "instances: got 9 rows; allowed: 8 in a request"),
            (
                {"instances": [{}, {"photo": {"b64": "aGFsbG8="}}]},
                "instances[1]: feature 'photo': the image is none of",
            ),
            ({"instances": [{"amount": 3e38}]}, "instances[0]: the answer 'kind/scores' is not finite"),
        ],
    )
    def test_a_mistake_is_named(self, client, content, message):
        status, answer = ask(client, content)
        assert (status, list(answer)) == (400, ["error"])
        assert answer["error"].startswith(message)

    @pytest.mark.parametrize(
        ("url", "message"),
        [
            ("/v1/models/tory:predict", "there is no model \"tory\" here; there is 'toy'"),
            (f"{URL}/versions/7:predict", "version 7 of 'toy' is not served; version 1 is"),
            (f"{URL}:classify", f"POST {URL}:classify: no such address; there are /healthz, {URL}, {URL}:predict"),
            (f"{URL}/versions/x:predict", "no such address"),
            (f"{URL}/versions/{'9' * 5000}:predict", "no such address"),
            ("/", "no such address"),
        ],
    )
    def test_what_is_not_there(self, client, url, message):
        status, answer = ask(client, {"instances": [{}]}, url)
        assert status == 404
        assert message in answer["error"]

    @pytest.mark.parametrize("url", ["/v1/models/tory", f"{URL}/versions/7", "/v1/models/tory/metadata", "/v2"])
    def test_what_is_not_there_to_get(self, client, url):
        response = client.get(url)
        assert (response.status_code, list(response.json())) == (404, ["error"])

    @pytest.mark.parametrize(("method", "url"), [("GET", f"{URL}:predict"), ("POST", URL), ("PUT", f"{URL}:predict")])
    def test_another_method(self, client, method, url):
        response = client.request(method, url)
        assert (response.status_code, response.json()) == (405, {"error": f"{url} does not take {method}"})
        assert response.headers["allow"]

    def test_a_long_body(self, client):
        response = client.post(f"{URL}:predict", content=b" " * 100_001)
        assert (response.status_code, "longer than 100,000 bytes" in response.json()["error"]) == (413, True)

    def test_a_long_body_that_does_not_say_so(self, client):
        with socket.create_connection(("127.0.0.1", client.base_url.port), timeout=60) as connection:
            connection.sendall(f"POST {URL}:predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
            connection.sendall((b"400\r\n" + b" " * 1024 + b"\r\n") * 98)  # And no end.
            answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 413 ")

    def test_half_a_body_is_no_error_of_the_server(self, client, caplog):
        with socket.create_connection(("127.0.0.1", client.base_url.port), timeout=60) as connection:
            connection.sendall(f"POST {URL}:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{{".encode())
            assert client.get("/healthz").status_code == 200
        assert client.get("/healthz").status_code == 200
        assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []

    def test_nothing_is_loaded(self, run_server, folder):
        with run_server(folder, is_loaded=False) as client:
            for status, answer in (ask(client, {"instances": [{}]}), ask(client, {}, "/v1/models/toy:predict")):
                assert (status, answer["error"]) == (
                    503,
                    "no version of 'toy' is loaded yet; ask again in a few seconds",
                )
            assert client.get("/healthz").status_code == 503
            assert client.get(URL).json() == {"model_version_status": []}

    def test_an_error_of_the_server_says_so(self, client, monkeypatch):
        from pipeline.serve import app

        def fail(*_):
            raise ZeroDivisionError("a secret")

        monkeypatch.setattr(app, "predict", fail)
        response = client.post(f"{URL}:predict", json={"instances": [{}]})
        assert response.status_code == 500
        assert response.json() == {"error": "an error in the server, not in the request; its log says what"}
        # The server closes it: a client that went on with it would lose its next request.
        assert response.headers["connection"] == "close"


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
NAMES = st.sampled_from(["amount", "count", "colour", "photo", "b64", "examples"])
VALUES = SCALARS | st.fixed_dictionaries({"b64": st.sampled_from(["", "YQ==", "iVBORw0KGgo="]) | SCALARS}) | ANYTHING
ROWS = st.lists(st.dictionaries(NAMES, VALUES, max_size=3) | VALUES, max_size=3)
COLUMNS = st.dictionaries(NAMES, st.lists(VALUES, max_size=3) | VALUES, max_size=3)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "instances": ROWS | ANYTHING,
        "inputs": COLUMNS | ROWS | ANYTHING,
        "signature_name": st.sampled_from(["serving_default", "serving_tf_example", ""]) | ANYTHING,
    },
)


@hypothesis.settings(max_examples=100)
@hypothesis.given(content=BODIES | ANYTHING)
def test_whatever_comes_is_answered_or_refused(client, content):
    response = client.post(f"{URL}:predict", content=json.dumps(content))
    assert response.status_code in (200, 400)
    answer = json.loads(response.content, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert list(answer) in (["predictions"], ["outputs"], ["error"])


@hypothesis.settings(max_examples=50)
@hypothesis.given(body=st.binary(max_size=50))
def test_whatever_bytes_come_are_refused(client, body):
    response = client.post(f"{URL}:predict", content=body)
    assert (response.status_code, list(response.json())) == (400, ["error"])


def test_no_answer_is_lost_or_mixed_up_while_versions_come(run_server, folder, push, cat_score, wait_until):
    """Eight clients, three new versions: every answer is that of the version which it names."""
    seen, stopped = set(), threading.Event()

    def keep_asking(number, url):
        import httpx

        with httpx.Client(base_url=url, timeout=60) as client:
            count = 0
            while not stopped.is_set():
                amount = (number + count) % 10
                response = client.post(
                    f"{URL}:predict", json={"instances": [{"amount": amount}, {"amount": 9 - amount}]}
                )
                assert response.status_code == 200, response.text
                version = int(response.headers["x-model-version"])
                found = [row["kind/scores"][0] for row in response.json()["predictions"]]
                expected = [cat_score(version, amount), cat_score(version, 9 - amount)]
                assert found == pytest.approx(expected, abs=1e-6)
                seen.add(version)
                count += 1
                stopped.wait(0.02)  # Else eight clients would take the processor that loads the next version.
            return count

    push(1)
    with run_server(folder) as client, concurrent.futures.ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(keep_asking, number, str(client.base_url)) for number in range(8)]
        try:
            for version in (2, 3, 4):
                push(version)
                wait_until(lambda: version in seen or any(one.done() for one in asking))  # noqa: B023
            wait_until(lambda: client.get(f"{URL}/versions/3").json()["model_version_status"][0]["state"] == "END")
        finally:
            stopped.set()
        assert all(one.result() > 0 for one in asking)
    assert seen == {1, 2, 3, 4}
