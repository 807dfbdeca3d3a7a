"""One file per loss, each a function of labels and logits per row; a new one is one file and one line here."""

from components.trainer.losses import cross_entropy

LOSSES = {
    "cross_entropy": cross_entropy.per_row,
}
