"""Where a server of Kubeflow Pipelines (KFP) is, and how it is talked to: options, named as KFP's own client does."""

from __future__ import annotations

import dataclasses
import os
import ssl
import urllib.parse
from pathlib import Path

from schema.errors import UserError

TOKEN_VARIABLE = "KF_PIPELINES_SA_TOKEN_PATH"  # noqa: S105 (no token, only where one is)
UI_VARIABLE = "KF_PIPELINES_UI_ENDPOINT"


@dataclasses.dataclass(frozen=True)
class Server:
    """Where a server is, and how it is talked to.

    Attributes:
        endpoint: Its address, without a slash at the end.
        namespace: Whose pipelines; None for a server that has only one.
        token_file: File with a token, read again for each request: clusters put a new one there every hour.
        ca_file: Certificates of who may vouch for the server; those of this machine if None.
        verifies: Whether the server must prove who it is.
    """

    endpoint: str
    namespace: str | None = None
    token_file: Path | None = None
    ca_file: Path | None = None
    verifies: bool = True

    @classmethod
    def parse(
        cls,
        endpoint: str,
        namespace: str | None = None,
        token_file: Path | None = None,
        ca_file: Path | None = None,
        verifies: bool = True,
    ) -> Server:
        """Reads the options; the address may be one that a browser shows.

        Raises:
            UserError: No such address can be, or a file cannot be read.
        """
        example = "give one such as https://kubeflow.example.org/pipeline"
        try:
            parts = urllib.parse.urlsplit(endpoint if "://" in endpoint else f"https://{endpoint}")
            _ = parts.port
        except ValueError:
            raise UserError(f"--endpoint: not an address; {example}") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or any(map(str.isspace, endpoint)):
            raise UserError(f"--endpoint: not an address of a web server; {example}")
        if parts.username is not None:
            raise UserError("--endpoint: has a user in it; give a token by --token-file")
        known = os.environ.get(TOKEN_VARIABLE)
        server = cls(
            f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}",
            namespace,
            token_file or (Path(known) if known else None),
            ca_file,
            verifies,
        )
        server.token()
        server.context()
        return server

    @property
    def ui(self) -> str:
        """Where people look at runs."""
        return os.environ.get(UI_VARIABLE, self.endpoint).rstrip("/")

    def run_page(self, run_id: str) -> str:
        """Returns the address of a run's page."""
        return f"{self.ui}/#/runs/details/{run_id}"

    def recurring_page(self, recurring_id: str) -> str:
        """Returns the address of a recurring run's page."""
        return f"{self.ui}/#/recurringrun/details/{recurring_id}"

    def token(self) -> str | None:
        """Returns the token; None if none is used.

        Raises:
            UserError: The file has none. The sentence never has what is in it.
        """
        if self.token_file is None:
            return None
        try:
            token = self.token_file.read_text(encoding="ascii").strip()
        except OSError as error:
            raise UserError(f"--token-file: {self.token_file}: cannot be read ({error.strerror})") from None
        except UnicodeError:
            token = ""
        # What http.client cannot send, it quotes in its error.
        if not token or not token.isprintable() or " " in token:
            raise UserError(f"--token-file: {self.token_file}: is no token, one word on one line")
        return token

    def context(self) -> ssl.SSLContext:
        """Returns how TLS is spoken.

        Raises:
            UserError: The file has no certificates.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except (ssl.SSLError, OSError) as error:
            why = error.strerror if not isinstance(error, ssl.SSLError) else "no certificates in PEM form"
            raise UserError(f"--ssl-ca-cert: {self.ca_file}: cannot be used ({why})") from None
        if not self.verifies:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context
