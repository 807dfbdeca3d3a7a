"""Tells a webhook of what people should look at: a run that failed, was refused, or found drift."""

from __future__ import annotations

import base64
import dataclasses
import http.client
import json
import logging
import socket
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

from schema.errors import UserError

# Seconds until a run goes on without an answer.
TIME_LIMIT = 10.0
ENVIRONMENT = "MULTIHEAD_NOTIFY"
FAILURE, REFUSAL, DRIFT = "failure", "refusal", "drift"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A message that was posted would arrive elsewhere as a GET without it."""

    def redirect_request(self, *args: Any) -> None:
        """Follows nothing: urllib then raises HTTPError."""


@dataclasses.dataclass(frozen=True)
class Webhook:
    """Where messages go.

    Attributes:
        url: Without user and password.
        authorization: The header's value; None if the URL had no user.
    """

    url: str = dataclasses.field(repr=False)
    authorization: str | None = dataclasses.field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Webhook:
        """Reads what --notify was given.

        Raises:
            UserError: It is no address of http or https; without the address, which may hold a secret.
        """
        try:
            parts = urllib.parse.urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise UserError(f"--notify: not an address ({error}); {_ALLOWED}") from None
        if parts.scheme not in ("http", "https") or not host or not text.isascii() or any(map(str.isspace, text)):
            raise UserError(f"--notify: not an address of a web server; {_ALLOWED}")
        authorization = None
        if parts.username is not None:
            user = ":".join(urllib.parse.unquote(part) for part in (parts.username, parts.password or ""))
            authorization = f"Basic {base64.b64encode(user.encode()).decode()}"
        name = f"[{host}]" if ":" in host else host
        bare = parts._replace(netloc=f"{name}:{port}" if port else name, fragment="")
        return cls(bare.geturl(), authorization)

    @property
    def shown(self) -> str:
        """Scheme and host alone: of many webhooks the path is the secret."""
        parts = urllib.parse.urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


_ALLOWED = "give one such as https://example.org/hook"


def event(status: dict[str, Any]) -> str | None:
    """Returns what there is to tell of a run, None if nothing: a stop by hand is known to who did it.

    Args:
        status: As status.json has it.
    """
    if status["state"] == "refused":
        return REFUSAL
    if status["drift"]:
        return DRIFT
    return FAILURE if status["state"] == "failed" else None


def tell(webhook: Webhook | None, status: dict[str, Any], say: Callable[[str], None]) -> None:
    """Posts what became of a run, if that is to be told; whatever goes wrong is a line, never an error.

    Args:
        webhook: Where to; nobody is told if None.
        status: As status.json has it.
        say: Is told if the message did not arrive.
    """
    what = event(status)
    if webhook is None or what is None:
        return
    keys = ("task", "state", "run_id", "span", "started", "finished", "blessed", "pushed", "sentence", "drift")
    about = f"{status['task']}, span {status['span']}" if status.get("span") else status["task"]
    body = {key: status.get(key) for key in keys}
    # Slack, Mattermost and their like show `text`.
    shown = [status["sentence"], *(status["drift"] if what == DRIFT and status["state"] != "failed" else ())]
    body |= {"event": what, "host": socket.gethostname(), "text": f"multihead: {about}: {what}: {'; '.join(shown)}"}
    if problem := post(webhook, body):
        logging.warning("--notify: %s: %s", webhook.shown, problem)
        say(f"--notify: {webhook.shown} was not told: {problem}")


def post(webhook: Webhook, body: dict[str, Any], time_limit: float = TIME_LIMIT) -> str | None:
    """Posts JSON; returns what went wrong, None if it was accepted within so many seconds."""
    problems: list[str | None] = []
    # A time-out of a socket begins anew with every byte, and none covers the look-up of a name: hence a thread, which
    # the process does not wait for.
    sending = threading.Thread(target=lambda: problems.append(_post(webhook, body, time_limit)), daemon=True)
    sending.start()
    sending.join(time_limit)
    return problems[0] if problems else f"no answer within {time_limit:g} s"


def _post(webhook: Webhook, body: dict[str, Any], time_limit: float) -> str | None:
    headers = {"Content-Type": "application/json", "User-Agent": "multihead"}
    if webhook.authorization:
        headers["Authorization"] = webhook.authorization
    try:
        # Webhook.parse lets http and https pass, nothing else.
        request = urllib.request.Request(webhook.url, json.dumps(body).encode(), headers, method="POST")  # noqa: S310
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=time_limit):
            return None
    except urllib.error.HTTPError as error:
        return f"it answered {error.code} {error.reason}"
    except TimeoutError:
        return f"no answer within {time_limit:g} s"
    except urllib.error.URLError as error:
        return str(error.reason)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"not understood ({type(error).__name__})"  # Its text may quote the address.
