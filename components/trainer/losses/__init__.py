"""One file per loss: what a row costs, and how its minimiser's scores become probabilities again.

Logits are over classes on the last axis, `(..., num_classes)`; labels and losses have the shape before it. A multilabel
head has a pair of logits per tag. A new loss is one file and one line here.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from components.trainer.losses import cross_entropy, focal, logit_adjusted

RowLoss = Callable[[Any, Any], Any]


class HeadLoss(NamedTuple):
    """A loss.

    Attributes:
        row_loss: Of the loss of the task file and the head's class shares, `(..., num_classes)`, the loss per row as a
            function of labels and logits.
        posterior: Of the same two, what turns the log-probabilities of the model that minimises the loss into logits
            of the true class probabilities; class weights are not its concern.
    """

    row_loss: Callable[..., RowLoss]
    posterior: Callable[..., Callable[[Any], Any]]


LOSSES = {
    "cross_entropy": HeadLoss(cross_entropy.row_loss, cross_entropy.posterior),
    "focal": HeadLoss(focal.row_loss, focal.posterior),
    "logit_adjusted": HeadLoss(logit_adjusted.row_loss, logit_adjusted.posterior),
}
