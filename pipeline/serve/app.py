"""Addresses of TensorFlow Serving's REST API, and what is answered there; `protocol` and `models` do the work."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from pipeline.serve import metadata
from pipeline.serve.batching import Batcher
from pipeline.serve.errors import RequestError
from pipeline.serve.models import Models, Watcher
from pipeline.serve.predicting import predict

# Names the version that answered; TensorFlow Serving has no such thing.
VERSION_HEADER = "X-Model-Version"
# Requests that are read, answered and written at the same time; others wait. They share the batches.
_NUM_REQUESTS = 32


class _ModelName(Convertor[str]):
    regex = "[^/:]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


class _Version(Convertor[int]):
    regex = "[0-9]{1,19}"  # Any integer of 64 bits: Python would refuse to read thousands of digits.

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor("model_name", _ModelName())
register_url_convertor("model_version", _Version())


def create_app(models: Models, watcher: Watcher, max_rows: int, max_body: int) -> Starlette:
    """Returns the web application.

    Args:
        models: What is served.
        watcher: Started and stopped with the application.
        max_rows: Rows of a request at most.
        max_body: Bytes of a request's body at most.
    """
    batcher = Batcher(max_rows)
    pool = ThreadPoolExecutor(_NUM_REQUESTS, "request")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        watcher.start()
        yield
        watcher.stop()
        pool.shutdown()
        batcher.close()

    async def answer(request: Request) -> Response:
        body = await _read(request, max_body)
        with models.use(**_asked(request)) as loaded:
            work = pool.submit(predict, batcher, loaded.servable, loaded.taken, body, max_rows)
            content = await asyncio.wrap_future(work)
        return Response(content, media_type="application/json", headers={VERSION_HEADER: str(loaded.version)})

    async def status(request: Request) -> Response:
        return _json({"model_version_status": models.status(**_asked(request))})

    async def describe(request: Request) -> Response:
        with models.use(**_asked(request)) as loaded:
            return _json(metadata.of_model(models.name, loaded.version, loaded.defs))

    async def health(_: Request) -> Response:
        with models.use(models.name) as loaded:
            return _json({"status": "ok", "version": str(loaded.version)})

    async def refuse(_: Request, error: Exception) -> Response:
        status = error.status if isinstance(error, RequestError) else 500
        return _json({"error": str(error)}, status)

    async def misdirected(request: Request, error: Exception) -> Response:
        status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (500, None)
        sentence = {
            404: f"{request.method} {request.url.path}: no such address; there are {', '.join(addresses)}",
            405: f"{request.url.path} does not take {request.method}",
        }.get(status, str(error))
        return _json({"error": sentence}, status, headers)

    async def failed(_: Request, error: Exception) -> Response:
        # uvicorn closes the connection after an exception: unannounced, the client's next request would be lost.
        sentence = "an error in the server, not in the request; its log says what"
        return _json({"error": sentence}, 500, {"Connection": "close"})

    model, version = "/v1/models/{name:model_name}", "/versions/{version:model_version}"
    routes = [Route("/healthz", health)]
    for path in (model, model + version):
        routes += [Route(f"{path}:predict", answer, methods=["POST"]), Route(path, status)]
        routes += [Route(f"{path}/metadata", describe)]
    addresses = ["/healthz", *(f"/v1/models/{models.name}{end}" for end in ("", ":predict", "/metadata"))]
    handlers: dict[Any, Any] = {RequestError: refuse, HTTPException: misdirected, Exception: failed}
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers)


def _asked(request: Request) -> dict[str, Any]:
    """Returns the model and, if it is named, the version in a request's address."""
    return request.path_params


async def _read(request: Request, max_body: int) -> bytes:
    """Returns a body; what a client says of its length, or does not say, is not relied upon.

    Raises:
        RequestError: It is too long, or not whole.
    """
    too_long = RequestError(f"the body is longer than {max_body:,} bytes; send fewer rows in a request", 413)
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > max_body:
        raise too_long
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_body:
                raise too_long
    except ClientDisconnect:
        raise RequestError("the connection ended before the body did") from None
    return bytes(body)


def _json(content: Any, status: int = 200, headers: Any = None) -> Response:
    return Response(json.dumps(content), status, headers, media_type="application/json")
