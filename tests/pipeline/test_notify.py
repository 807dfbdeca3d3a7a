"""What a webhook is told, by a real server."""

import base64
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pipeline import notify
from pipeline.notify import Webhook, post, tell
from schema.errors import UserError


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def hook():
    """A server: `received` are requests; `answer` says with what, and `release` lets a slow one go."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.received.append((self.path, dict(self.headers), json.loads(body)))
            if self.server.answer == "never":
                self.server.release.wait()
                return
            if self.server.answer == "dripping":
                while not self.server.release.wait(0.02):
                    self.wfile.write(b"H")
                return
            self.send_response(self.server.answer)
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
            self.end_headers()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.received, server.answer, server.release = [], 200, threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}/hook/secret"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.release.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def failed():
    return {"task": "toy", "state": "failed", "run_id": "r1", "span": "2013-01-05", "sentence": "no luck", "drift": []}


def test_what_is_received(hook, failed):
    said = []
    tell(Webhook.parse(hook.url), failed, said.append)
    [(path, headers, body)] = hook.received
    assert (path, headers["Content-Type"], said) == ("/hook/secret", "application/json", [])
    assert body["event"] == "failure"
    assert body["text"] == "multihead: toy, span 2013-01-05: failure: no luck"
    assert {key: body[key] for key in failed} == failed


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"state": "refused"}, "refusal"),
        ({"state": "refused", "drift": ["hour moved"]}, "refusal"),
        ({"state": "pushed", "drift": ["hour moved"]}, "drift"),
        ({"drift": ["hour moved"]}, "drift"),
        ({"state": "pushed"}, None),
        ({"state": "stopped"}, None),
        ({"state": "done"}, None),
    ],
)
def test_what_is_told(hook, failed, changes, expected):
    tell(Webhook.parse(hook.url), failed | changes, pytest.fail)
    assert [body["event"] for _, _, body in hook.received] == ([expected] if expected else [])


def test_nobody_to_tell(failed):
    tell(None, failed, pytest.fail)


def test_drift_of_a_pushed_model_is_in_the_text(hook, failed):
    status = failed | {"state": "pushed", "sentence": "blessed", "drift": ["hour moved", "dest moved"]}
    tell(Webhook.parse(hook.url), status, pytest.fail)
    assert hook.received[0][2]["text"].endswith(": drift: blessed; hour moved; dest moved")


@pytest.mark.parametrize("answer", ["never", "dripping"])
def test_a_slow_server_is_not_waited_for(hook, answer):
    hook.answer = answer
    assert post(Webhook.parse(hook.url), {}, time_limit=0.3) == "no answer within 0.3 s"


@pytest.mark.parametrize(("answer", "problem"), [(500, "it answered 500 "), (404, "it answered 404 "), (302, "302")])
def test_a_server_that_refuses(hook, failed, answer, problem):
    hook.answer = answer
    said = []
    tell(Webhook.parse(hook.url), failed, said.append)
    [sentence] = said
    assert problem in sentence
    assert sentence.startswith(f"--notify: http://127.0.0.1:{hook.server_port} was not told: ")
    assert len(hook.received) == 1


def test_a_refused_connection_is_a_line_without_the_secret(failed, caplog):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    said = []
    tell(Webhook.parse(f"http://me:word@127.0.0.1:{port}/hook/secret"), failed, said.append)
    [sentence] = said
    assert sentence.startswith(f"--notify: http://127.0.0.1:{port} was not told: ")
    assert "refused" in sentence
    for secret in ("me", "word", "secret"):
        assert f"{secret}" not in sentence.replace("--notify", "")
        assert secret not in caplog.text
    assert str(port) in caplog.text


def test_no_http(failed):
    """What answers is no web server."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _ = server.accept()
            with connection:
                connection.recv(1)
                connection.sendall(b"\x00nonsense\r\n\r\n")
                connection.recv(10_000)

        threading.Thread(target=answer, daemon=True).start()
        said = []
        tell(Webhook.parse(f"http://127.0.0.1:{server.getsockname()[1]}/"), failed, said.append)
    assert len(said) == 1


def test_user_and_password_go_into_the_header(hook, failed):
    tell(Webhook.parse(hook.url.replace("//", "//me:p%40ss@")), failed, pytest.fail)
    [(_, headers, _)] = hook.received
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")) == b"me:p@ss"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.org/hook",
        "ftp://example.org",
        "file:///etc/passwd",
        "http://",
        "http://a b/",
        "http://[",
        "http://h:x",
    ],
)
def test_not_an_address(text):
    with pytest.raises(
        UserError, match=r"--notify: not an address.*; give one such as https://example.org/hook"
    ) as error:
        Webhook.parse(text)
    assert "passwd" not in str(error.value)


def test_an_address_does_not_show_in_a_traceback():
    assert "secret" not in repr(Webhook.parse("https://me:secret@example.org/secret"))
    assert Webhook.parse("https://me:x@[::1]:8443/secret?x#y").shown == "https://[::1]:8443"
    assert notify.ENVIRONMENT == "MULTIHEAD_NOTIFY"
