"""What a client did wrong, or must wait for."""

from __future__ import annotations

from schema.errors import UserError


class RequestError(UserError):
    """A request that is not answered.

    Attributes:
        status: Of HTTP: 4xx if the client can mend it, 503 if it can come back later.
    """

    def __init__(self, message: str, status: int = 400):
        super().__init__(message)
        self.status = status
