"""The REST API of Kubeflow Pipelines (KFP), v2beta1, and whatever goes wrong with it, in sentences.

The package kfp-server-api is generated from KFP's own description of the API. What it sends requests by is put in place
here: its own waits for ever, follows redirections to login pages, and takes their answer for an empty one.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any

from pipeline.runners.kubeflow.server import Server
from schema.errors import ServerRefused, ServerUnavailable, UserError

try:
    import kfp_server_api
    import urllib3
    from urllib3.exceptions import HTTPError, InsecureRequestWarning, MaxRetryError, SSLError
except ModuleNotFoundError:
    raise UserError(
        "talking to Kubeflow Pipelines needs the package kfp-server-api: install it, or multihead[submit]"
    ) from None

_TIME_LIMIT = urllib3.Timeout(connect=10, read=60)
# Other modules take it from here, where it is said what to do if it is not there.
kfp = kfp_server_api

# What was never sent is sent again, and what only asks is asked again. A server's wish for the time of that is not
# heeded: it may be an hour.
_RETRIES = urllib3.Retry(
    total=3,
    backoff_factor=0.5,
    allowed_methods=("GET",),
    status_forcelist=(502, 503, 504),
    raise_on_status=False,
    respect_retry_after_header=False,
)
_PAGE = 100  # Objects; the server gives 200 at most.
_LONGEST_MESSAGE = 500  # Characters.
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _CONFLICT, _SERVER_ERROR = 401, 403, 404, 409, 500


class _WebPage(Exception):
    """The answer is a page for people, or says where one is."""


class _Pool(urllib3.PoolManager):
    """Connections that wait for an answer as long as is sensible, follow no redirections, and take no web page."""

    def urlopen(self, method: str, url: str, redirect: bool = True, **given: Any) -> Any:  # type: ignore[override]
        """Sends a request; `redirect` is not heeded."""
        # kfp-server-api says that there is no time limit unless it is told of one with each call.
        given |= {"timeout": _TIME_LIMIT, "retries": _RETRIES}
        response = super().urlopen(method, url, redirect=False, **given)
        if 300 <= response.status < 400:
            elsewhere = urllib.parse.urlsplit(response.headers.get("Location", ""))
            raise _WebPage(f"redirects to {elsewhere.netloc or 'another page'}")
        if response.status < 300 and "text/html" in response.headers.get("Content-Type", ""):
            raise _WebPage("answers with a web page")
        return response


class Client:
    """A server, by the classes of kfp-server-api.

    Args:
        server: Where it is.
    """

    def __init__(self, server: Server):
        self.server = server
        configuration = kfp.Configuration(host=server.endpoint)
        if server.token_file:
            configuration.api_key = {"authorization": ""}
            configuration.api_key_prefix = {"authorization": "Bearer"}
            configuration.refresh_api_key_hook = self._give_token
        self._api = kfp.ApiClient(configuration)
        if not server.verifies:
            urllib3.disable_warnings(InsecureRequestWarning)  # It was asked for.
        self._api.rest_client.pool_manager = _Pool(ssl_context=server.context())
        self.pipelines = kfp.PipelineServiceApi(self._api)
        self.uploads = kfp.PipelineUploadServiceApi(self._api)
        self.experiments = kfp.ExperimentServiceApi(self._api)
        self.runs = kfp.RunServiceApi(self._api)
        self.recurring = kfp.RecurringRunServiceApi(self._api)
        self.namespace = self._namespace()

    def call(self, method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Calls a method of the API.

        Raises:
            ServerRefused: The server does not do it.
            ServerUnavailable: It does not answer, or fails.
            UserError: It is no such server, or TLS with it cannot be.
        """
        try:
            return method(*arguments, **named)
        except kfp.ApiException as error:
            raise self._refusal(error.status, error.body or "") from None
        except _WebPage as error:
            raise self._no_server(str(error)) from None
        except HTTPError as error:
            raise self._no_answer(error) from None
        except ValueError as error:  # JSON whose values are of other types, or none.
            raise self._no_server(f"gives an answer of another form ({type(error).__name__})") from None

    def every(self, method: Callable[..., Any], field: str, *arguments: Any, **named: Any) -> Iterator[Any]:
        """Yields all objects that a method lists, page by page.

        Args:
            method: Of the API.
            field: Where its answer has them.
            arguments: Of the method.
            named: Of the method, too.

        Raises:
            UserError: As by `call`.
        """
        token = None
        while True:
            page = self.call(method, *arguments, page_size=_PAGE, page_token=token, **named)
            yield from getattr(page, field) or ()
            token = page.next_page_token
            if not token:
                return

    def get(self, path: str, kind: str) -> Any:
        """Returns what the server has under a path that kfp-server-api does not know.

        Args:
            path: Begins with a slash.
            kind: `object` for JSON, `str` for text.

        Raises:
            UserError: As by `call`.
        """
        return self.call(
            self._api.call_api,
            path,
            "GET",
            response_type=kind,
            auth_settings=["Bearer"],
            _return_http_data_only=True,
        )

    def _namespace(self) -> str | None:
        """Returns the namespace as the server wants it: none if it has only one.

        Raises:
            UserError: It has several, and none was given; or it is no such server.
        """
        health = self.call(kfp.HealthzServiceApi(self._api).healthz_service_get_healthz)
        if not health.multi_user:
            return None
        if not self.server.namespace:
            raise UserError(f"{self.server.endpoint}: has a namespace for each user or team; give yours by --namespace")
        return self.server.namespace

    def _give_token(self, configuration: Any) -> None:
        configuration.api_key["authorization"] = self.server.token()

    def _refusal(self, status: int, body: str) -> UserError:
        """Returns what a status of HTTP means."""
        address, message = self.server.endpoint, self._message(body)
        about = f": {message}" if message else ""
        if status >= _SERVER_ERROR:
            return ServerUnavailable(f"{address}: failed ({status}){about}; try again, or see its API server's log")
        if status == _UNAUTHORIZED and self.server.token_file:
            why = f"does not take the token of {self.server.token_file} (401); it may have expired"
        elif status == _UNAUTHORIZED:
            why = "wants to know who asks (401); give a token by --token-file"
        elif status == _FORBIDDEN:
            where = f"in namespace {self.server.namespace}" if self.server.namespace else "there"
            why = f"does not allow it (403){about}; ask for the right to do it {where}, or give another --token-file"
        elif status == _NOT_FOUND and not message:
            return self._no_server("has nothing there (404)")
        else:
            why = f"refuses ({status}){about}"
        return ServerRefused(f"{address}: {why}", status)

    def _no_server(self, what: str) -> UserError:
        address = self.server.endpoint
        mend = "a login page, perhaps: give a token by --token-file; else the address is another"
        return UserError(
            f"{address}: {what}, and is not Kubeflow Pipelines: {mend}, that of which {address}/apis/v2beta1/healthz"
            " answers with JSON"
        )

    def _no_answer(self, error: HTTPError) -> UserError:
        reason = error.reason if isinstance(error, MaxRetryError) and error.reason else error
        said = self._shown(str(reason).rpartition(": ")[2])
        if isinstance(reason, SSLError):
            return UserError(
                f"{self.server.endpoint}: no trusted TLS connection ({said}); give the certificate of who vouches for"
                " it by --ssl-ca-cert, or an http:// address if it speaks no TLS"
            )
        return ServerUnavailable(
            f"{self.server.endpoint}: cannot be reached ({said}); is the address right, and the way there open (VPN,"
            " kubectl port-forward)?"
        )

    def _message(self, body: str) -> str:
        """Returns what a server says to a refusal; an empty string if it is not what KFP's servers say."""
        try:
            found = json.loads(body)
        except ValueError:
            return ""
        said = found.get("message") or found.get("error_message") if isinstance(found, dict) else None
        return self._shown(str(said or ""))

    def _shown(self, text: str) -> str:
        """Returns a text as it may be shown: on one line, not too long, and without the token."""
        token = self.server.token()
        flat = " ".join((text.replace(token, "***") if token else text).split())
        return flat if len(flat) <= _LONGEST_MESSAGE else f"{flat[:_LONGEST_MESSAGE]}..."


def is_conflict(error: ServerRefused) -> bool:
    """Returns whether there is one of that name already."""
    return error.status == _CONFLICT


def is_missing(error: ServerRefused) -> bool:
    """Returns whether there is no such thing."""
    return error.status == _NOT_FOUND


def named(name: str) -> str:
    """Returns a filter of lists: what is shown by a name."""
    return json.dumps({"predicates": [{"operation": "EQUALS", "key": "display_name", "string_value": name}]})
