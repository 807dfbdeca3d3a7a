"""One file per way to turn a feature into numbers; a new one is one file and one line here."""

from components.trainer.encoders import embedding, plain

ENCODERS = {
    "numeric": plain.encode,
    "categorical": embedding.encode,
}
