"""Object stores, spoken to through fsspec: rows are read from them, and models served.

universal_pathlib has pathlib's interface over the same; but there every question about a file is a request, and every
answer may be an exception of another package.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from schema.errors import DataError, UserError

# Of the Python packages that speak to a store, for the error.
_EXTRA = 'install the store\'s package, such as by `pip install "multihead[kubeflow]"`'
# Azure's container@account is no credential.
_CREDENTIALS = re.compile(r"://[^/@]*:[^/@]*@")


def is_uri(text: str) -> bool:
    """Returns whether a text names a place in a store; anything else is a path of this machine."""
    return "://" in text


def check(uri: str) -> None:
    """Refuses what can be known to be wrong without asking anyone.

    Raises:
        UserError: The URI holds a password, or has the scheme of Kubeflow's own artifacts.
    """
    if _CREDENTIALS.search(uri):
        scheme = uri.partition("://")[0]
        raise UserError(
            f"{scheme}://...: a URI with a password in it would be kept with every model and report;"
            " a store takes its credentials from the environment"
        )
    if not uri.partition("://")[2].strip("/"):
        raise UserError(f"{uri}: names no bucket; give a URI such as s3://bucket/folder")
    if uri.startswith("minio://"):
        raise UserError(
            f"{uri}: minio:// is how Kubeflow Pipelines names its own artifacts;"
            f" give s3://{uri.removeprefix('minio://')}, and MinIO's address in FSSPEC_S3_ENDPOINT_URL"
        )


def connect(uri: str, **options: Any) -> tuple[Any, str]:
    """Returns fsspec's file system for a URI, and the path in it. The packages are imported only now.

    Args:
        uri: Of a folder or file.
        options: Of the file system.
    """
    from fsspec.core import url_to_fs

    check(uri)
    logging.getLogger("gcsfs").setLevel(logging.CRITICAL)  # It logs with a traceback what it raises as well.
    found, root = url_to_fs(uri, **options)
    return found, root.rstrip("/")


@contextmanager
def speaking(uri: str) -> Iterator[None]:
    """Turns what a store's package raises into one sentence.

    Args:
        uri: What is asked for.

    Raises:
        DataError: The store cannot be reached, or its package is not installed.
    """
    try:
        yield
    except UserError:
        raise
    except ImportError as error:
        raise DataError(f"{uri}: {error}; {_EXTRA}") from None
    except Exception as error:
        # Each package has errors of its own: no credentials, no such bucket, no answer.
        logging.debug("%s", uri, exc_info=True)
        said = str(error).partition("\n")[0]
        raise DataError(
            f"{uri}: the store refused, or did not answer ({type(error).__name__}: {said});"
            " it takes its address and credentials from the environment"
        ) from None
