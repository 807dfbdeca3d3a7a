"""From the body of a request to the body of its answer."""

from __future__ import annotations

from collections.abc import Mapping

from components.servable import Servable
from pipeline.predict.isolate import isolate
from pipeline.serve import protocol
from pipeline.serve.asking import ask
from pipeline.serve.batching import Batcher
from pipeline.serve.errors import RequestError
from schema.errors import DataError

# Characters of what TensorFlow says: it may repeat the whole value.
_MAX_MESSAGE = 300


def predict(
    batcher: Batcher, servable: Servable, taken: Mapping[str, protocol.Inputs], body: bytes, max_rows: int
) -> bytes:
    """Answers a request.

    Args:
        batcher: Asks the model.
        servable: The model.
        taken: Its inputs by signature.
        body: JSON.
        max_rows: Rows at most.

    Raises:
        RequestError: It cannot be answered.
    """
    request = protocol.parse(body, taken, max_rows)
    try:
        answers = batcher.ask(servable, request)
    except DataError as error:
        raise _blame(servable, taken[request.signature], request, error) from None
    return protocol.render(answers, request)


def _blame(servable: Servable, inputs: protocol.Inputs, request: protocol.Request, error: DataError) -> RequestError:
    """Returns which value of a request the model does not take; looked for only once it has refused the whole."""
    from components import images

    def attempt(start: int, stop: int) -> None:
        columns = {name: values[start:stop] for name, values in request.columns.items()}
        ask(servable, request.signature, columns)

    pieces = isolate(0, request.num_rows, attempt, (DataError,))
    bad = next((piece for piece in pieces if isinstance(piece[2], DataError)), None)
    if bad is None:
        return RequestError(f"the model does not take these rows together: {str(error)[:_MAX_MESSAGE]}")
    row = bad[0]
    for name in (name for name, part in inputs.items() if part.is_image):
        encoded = request.columns[name][row]
        if encoded and (reason := images.check(encoded)):
            return RequestError(f"{request.where(row, name)}: the image {reason}")
    return RequestError(f"{request.where(row)}: {str(bad[2])[:_MAX_MESSAGE]}")
