"""Runs the web application until it is told to stop."""

from __future__ import annotations

import ipaddress
import logging
import os
import signal
import socket
import warnings
from pathlib import Path

import uvicorn

from components.exported import read_exported
from components.pusher import serving
from pipeline.predict.model import check_task
from pipeline.serve.app import create_app
from pipeline.serve.models import Models, Watcher
from schema.errors import DataError, UserError

# Seconds that running requests are given when the server is told to stop.
_GRACE = 30
# Seconds that a connection may be idle; short ones end just when a client uses them again.
_IDLE = 75
_logger = logging.getLogger(__name__)


def serve(name: str, folder: Path, host: str, port: int, max_rows: int, max_body: int, poll: float) -> None:
    """Serves the newest version in a folder until SIGTERM or SIGINT.

    Args:
        name: Of the task.
        folder: Serving folder.
        host: Address to listen at.
        port: 0 for any that is free.
        max_rows: Rows of a request at most.
        max_body: Bytes of a request's body at most.
        poll: Seconds between two looks for a new version.

    Raises:
        UserError: There is no version, it is of another task, or the address cannot be listened at.
    """
    serving.latest(folder)
    _check_task(name, folder)
    # What fails is an exception, too; what TensorFlow prints is about GPUs that are not there, and clients' mistakes.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore", category=FutureWarning, module="google")
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING)
    logging.getLogger("pipeline.serve").setLevel(logging.INFO)
    models = Models(name, folder)
    app = create_app(models, Watcher(models, poll), max_rows, max_body)
    config = uvicorn.Config(app, log_config=None, timeout_keep_alive=_IDLE, timeout_graceful_shutdown=_GRACE)
    server = uvicorn.Server(config)
    with _listen(host, port) as listener:
        # While it runs, uvicorn has handlers of its own; then it raises the signal once more, which would end the
        # process by it.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, server.handle_exit)
        where = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
        _logger.info("listening at %s/v1/models/%s; stop with Ctrl-C", where, name)
        if not _is_loopback(listener):
            _logger.warning("%s can be reached from other machines, and nobody is asked who they are", where)
        server.run([listener])
    _logger.info("stopped")


def _check_task(name: str, folder: Path) -> None:
    """Refuses a folder of another task, by its newest version that says what it is: a damaged one stops nobody."""
    for version in reversed(serving.versions(folder)):
        model = serving.version_folder(folder, version)
        try:
            exported = read_exported(model)
        except DataError:
            continue
        check_task(model, exported, name)
        return


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # With the protocol, which socket.create_server leaves out: else asyncio keeps Nagle's algorithm, and an answer,
        # which goes out as head and body, takes 40 ms more.
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen()
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise UserError(
            f"{host}:{port}: cannot be listened at ({error.strerror}); give another --host or --port"
        ) from None
    return listener


def _is_loopback(listener: socket.socket) -> bool:
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback
