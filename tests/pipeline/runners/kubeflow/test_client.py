"""The client: what it sends, what it waits for, and the sentence that it makes of each thing that can go wrong."""

import logging
import socket
import ssl
import subprocess
import sys

import pytest
import urllib3

from pipeline.runners.kubeflow import client as clients
from pipeline.runners.kubeflow.client import Client
from pipeline.runners.kubeflow.publish import experiment
from pipeline.runners.kubeflow.server import Server
from schema.errors import ServerRefused, ServerUnavailable, UserError

TOKEN = "eyJ-distinctive-secret"  # noqa: S105
JSON, HTML = "application/json", "text/html; charset=utf-8"
HEALTH = ("GET", ".*/healthz")


@pytest.fixture
def token_file(tmp_path):
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    return file


class TestAddress:
    @pytest.mark.parametrize(
        ("given", "address"),
        [
            ("https://kfp.example.org/pipeline/", "https://kfp.example.org/pipeline"),
            ("kfp.example.org", "https://kfp.example.org"),
            ("localhost:8080", "https://localhost:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("https://kfp.example.org/#/runs/details/7", "https://kfp.example.org"),
        ],
    )
    def test_a_right_one(self, given, address):
        assert Server.parse(given).endpoint == address

    @pytest.mark.parametrize("given", ["", "ftp://x", "https://", "http://a b", "http://x:port", "https://[x"])
    def test_a_wrong_one(self, given):
        with pytest.raises(UserError, match="--endpoint: not an address"):
            Server.parse(given)

    def test_a_password_in_it_is_refused_and_not_repeated(self):
        with pytest.raises(UserError, match="give a token by --token-file") as error:
            Server.parse("https://me:hidden@kfp.example.org")
        assert "hidden" not in str(error.value)

    def test_pages(self, monkeypatch):
        server = Server.parse("http://api:8888")
        assert server.run_page("7") == "http://api:8888/#/runs/details/7"
        monkeypatch.setenv("KF_PIPELINES_UI_ENDPOINT", "https://ui/")
        assert server.recurring_page("7") == "https://ui/#/recurringrun/details/7"


class TestFiles:
    def test_no_token_file(self, tmp_path):
        with pytest.raises(UserError, match=r"--token-file: .*none: cannot be read \(No such file"):
            Server.parse("http://x", token_file=tmp_path / "none")

    @pytest.mark.parametrize(
        "content", [b"", b" \n", b"a secret", b"a\nsecret", b"\xffsecret", b"secret\x07"], ids=range(6)
    )
    def test_no_token(self, tmp_path, content):
        (tmp_path / "token").write_bytes(content)
        with pytest.raises(UserError, match="is no token, one word on one line") as error:
            Server.parse("http://x", token_file=tmp_path / "token")
        assert "secret" not in str(error.value)

    def test_no_certificates(self, token_file, tmp_path):
        with pytest.raises(UserError, match=r"--ssl-ca-cert: .*no certificates in PEM form"):
            Server.parse("https://x", ca_file=token_file)
        with pytest.raises(UserError, match=r"--ssl-ca-cert: .*\(No such file"):
            Server.parse("https://x", ca_file=tmp_path / "none")

    def test_the_variable_of_kfps_own_client(self, monkeypatch, token_file):
        monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(token_file))
        assert Server.parse("http://x").token() == TOKEN


class TestToken:
    def test_it_goes_with_each_request_and_is_read_anew(self, kfp, endpoint, token_file):
        kfp.token = TOKEN
        client = Client(Server.parse(endpoint, token_file=token_file))
        kfp.token = "another"  # noqa: S105
        token_file.write_text("another")
        experiment(client, "flights")

    def test_without_one(self, kfp, endpoint):
        kfp.token = TOKEN
        with pytest.raises(ServerRefused, match=r"wants to know who asks \(401\); give a token by --token-file"):
            Client(Server.parse(endpoint))

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 500, 503])
    def test_no_error_ever_shows_it(self, kfp, endpoint, token_file, status, capfd, caplog):
        caplog.set_level(logging.DEBUG)
        said = f'{{"message": "token {TOKEN} is not\\nknown", "error": "{TOKEN}"}}'
        kfp.overrides = {HEALTH: [(status, JSON, said)]}
        with pytest.raises(UserError) as error:
            Client(Server.parse(endpoint, token_file=token_file))
        printed = "".join(capfd.readouterr())
        for text in (str(error.value), repr(error.value), printed, caplog.text):
            assert TOKEN not in text
        assert str(error.value.__cause__) == "None"
        assert kfp.requests[0][3]["authorization"] == f"Bearer {TOKEN}"
        if status != 401:
            assert "token *** is not known" in str(error.value)

    def test_it_is_not_taken_elsewhere(self, kfp, endpoint, token_file, fake):
        elsewhere = fake.Fake()
        with fake.Serving(elsewhere) as other:
            kfp.overrides = {HEALTH: [(302, HTML, "", f"{other.endpoint}/login?state={TOKEN}")]}
            with pytest.raises(UserError, match=r"redirects to 127.0.0.1:\d+, and is not Kubeflow Pipelines") as error:
                Client(Server.parse(endpoint, token_file=token_file))
        assert not elsewhere.requests
        assert TOKEN not in str(error.value)


class TestRefusals:
    @pytest.mark.parametrize(
        ("answer", "kind", "sentence"),
        [
            ((403, JSON, '{"message": "no right"}'), ServerRefused, r"does not allow it \(403\): no right; ask for"),
            (
                (403, HTML, "<h1>RBAC</h1>"),
                ServerRefused,
                r"does not allow it \(403\); ask for the right to do it there",
            ),
            ((409, JSON, '{"message": "is there"}'), ServerRefused, r"refuses \(409\): is there"),
            ((404, HTML, "<h1>Not Found</h1>"), UserError, "has nothing there .404., and is not Kubeflow Pipelines"),
            ((200, HTML, "<h1>Log in</h1>"), UserError, "answers with a web page, and is not .*a login page, perhaps"),
            ((500, JSON, '{"message": "no disk"}'), ServerUnavailable, r"failed \(500\): no disk; try again"),
            ((504, HTML, "<h1>Gateway</h1>"), ServerUnavailable, r"failed \(504\); try again"),
            ((400, JSON, '{"message": "' + 2000 * "x" + '"}'), ServerRefused, "x{500}\\.\\.\\.$"),
        ],
    )
    def test_each_is_one_sentence_that_names_the_server(self, kfp, endpoint, answer, kind, sentence):
        kfp.overrides = {("GET", ".*/experiments"): [answer]}
        client = Client(Server.parse(endpoint))
        with pytest.raises(kind, match=sentence) as error:
            experiment(client, "flights")
        assert str(error.value).startswith(endpoint)
        assert "\n" not in str(error.value)
        assert error.value.exit_code == (1 if kind is ServerUnavailable else 2)

    def test_another_server(self, tmp_path):
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "-d", str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            port = process.stdout.readline().split("port ")[1].split()[0]
            with pytest.raises(UserError, match=r"that of which http.*/apis/v2beta1/healthz answers with JSON"):
                Client(Server.parse(f"http://127.0.0.1:{port}"))
        finally:
            process.kill()
            process.wait()

    def test_a_namespace_must_be_given_where_there_are_several(self, kfp, endpoint):
        kfp.multi_user = True
        with pytest.raises(UserError, match="a namespace for each user or team; give yours by --namespace"):
            Client(Server.parse(endpoint))

    def test_nobody_there(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            endpoint = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(ServerUnavailable, match=r"cannot be reached \(.*[Cc]onnection refused\)"):
            Client(Server.parse(endpoint))

    def test_no_such_host(self):
        with pytest.raises(ServerUnavailable, match=r"kfp.invalid: cannot be reached"):
            Client(Server.parse("http://kfp.invalid"))

    def test_no_answer(self, monkeypatch):
        monkeypatch.setattr(clients, "_TIME_LIMIT", urllib3.Timeout(connect=0.2, read=0.2))
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            with pytest.raises(ServerUnavailable, match=r"cannot be reached .*timed out|Read timed out"):
                Client(Server.parse(f"http://127.0.0.1:{silent.getsockname()[1]}"))


class TestAgain:
    def test_what_only_asks_is_asked_again(self, kfp, endpoint):
        kfp.overrides = {HEALTH: [(503, HTML, "away"), (502, HTML, "away"), None]}
        Client(Server.parse(endpoint))
        assert len(kfp.seen("GET", "healthz")) == 3

    def test_and_not_for_ever(self, kfp, endpoint):
        kfp.overrides = {HEALTH: [(503, HTML, "away")]}
        with pytest.raises(ServerUnavailable, match="503"):
            Client(Server.parse(endpoint))
        assert len(kfp.seen("GET", "healthz")) == 4

    def test_what_changes_something_is_not(self, kfp, client):
        kfp.overrides = {("POST", ".*/experiments"): [(503, HTML, "away")]}
        with pytest.raises(ServerUnavailable):
            experiment(client, "flights")
        assert len(kfp.seen("POST")) == 1


def test_all_pages_are_read(kfp, client):
    ids = {experiment(client, name) for name in ("a", "b", "c", "d", "e")}
    listed = client.every(client.experiments.experiment_service_list_experiments, "experiments")
    assert {found.experiment_id for found in listed} == ids
    assert len([request for request in kfp.requests if "page_token" in request[2]]) == 2


class TestTls:
    @pytest.fixture(scope="class")
    def certificate(self, tmp_path_factory):
        """A certificate that vouches for itself, and its key, in one file."""
        folder = tmp_path_factory.mktemp("tls")
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=kfp"),
                *("-addext", "subjectAltName=IP:127.0.0.1"),
                *("-addext", "keyUsage=critical,keyCertSign,digitalSignature"),
                *("-keyout", folder / "key.pem", "-out", folder / "certificate.pem"),
            ],
            check=True,
            capture_output=True,
        )
        both = folder / "both.pem"
        both.write_text((folder / "key.pem").read_text() + (folder / "certificate.pem").read_text())
        return both

    @pytest.fixture
    def secure(self, kfp, fake, certificate):
        with fake.Serving(kfp, certificate) as serving:
            yield serving.endpoint

    def test_who_vouches_is_given(self, secure, certificate):
        experiment(Client(Server.parse(secure, ca_file=certificate)), "flights")

    def test_who_vouches_is_not_known(self, secure, kfp):
        with pytest.raises(
            UserError, match=r"no trusted TLS connection .*; give the certificate.*--ssl-ca-cert"
        ) as error:
            Client(Server.parse(secure))
        assert error.value.exit_code == 2
        assert not kfp.requests

    def test_it_is_not_asked_for(self, secure, recwarn):
        experiment(Client(Server.parse(secure, verifies=False)), "flights")
        assert not recwarn.list

    def test_no_tls_there(self, endpoint):
        with pytest.raises(UserError, match=r"no trusted TLS connection .* an http:// address if it speaks no TLS"):
            Client(Server.parse(endpoint.replace("http:", "https:")))

    def test_a_context_verifies(self):
        assert Server("https://x").context().verify_mode == ssl.CERT_REQUIRED


def test_the_package_is_not_there(monkeypatch):
    monkeypatch.setitem(sys.modules, "kfp_server_api", None)
    monkeypatch.delitem(sys.modules, "pipeline.runners.kubeflow.client")
    with pytest.raises(UserError, match=r"needs the package kfp-server-api: install it, or multihead\[submit\]"):
        __import__("pipeline.runners.kubeflow.client")
