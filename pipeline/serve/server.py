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

from components.pusher import serving
from pipeline.serve.app import create_app
from pipeline.serve.models import Models, Watcher
from schema.errors import UserError

# Seconds that running requests are given when the server is told to stop.
_GRACE = 30
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
        UserError: There is no version, or the address cannot be listened at.
    """
    serving.latest(folder)
    # What fails is an exception, too; what TensorFlow prints is about GPUs that are not there, and clients' mistakes.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore", category=FutureWarning, module="google")
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING)
    logging.getLogger("pipeline.serve").setLevel(logging.INFO)
    with _listen(host, port) as listener:
        where = f"http://{host}:{listener.getsockname()[1]}"
        _logger.info("listening at %s/v1/models/%s; stop with Ctrl-C", where, name)
        if not _is_loopback(listener):
            _logger.warning("%s can be reached from other machines, and nobody is asked who they are", where)
        models = Models(name, folder)
        app = create_app(models, Watcher(models, poll), max_rows, max_body)
        config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=_GRACE)
        # uvicorn finishes what is running, and then raises the signal once more, which would end the process by it.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        uvicorn.Server(config).run([listener])
    _logger.info("stopped")


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]  # Python 3.10 adds the address once more.
        raise UserError(f"{host}:{port}: cannot be listened at ({reason}); give another --host or --port") from None


def _is_loopback(listener: socket.socket) -> bool:
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback
