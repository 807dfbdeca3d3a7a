"""One file per loss, each a function of labels and logits per row; a new one is one file and one line here."""

from collections.abc import Callable
from typing import Any

from components.trainer.losses import cross_entropy, focal, logit_adjusted

RowLoss = Callable[[Any, Any], Any]

# Each takes the loss of the task file and the head's class shares, `(num_classes,)`, and returns the loss per row.
LOSSES: dict[str, Callable[..., RowLoss]] = {
    "cross_entropy": cross_entropy.row_loss,
    "focal": focal.row_loss,
    "logit_adjusted": logit_adjusted.row_loss,
}
