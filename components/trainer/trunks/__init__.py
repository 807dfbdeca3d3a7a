"""One file per way for heads to share layers; a new one is one file and one line here."""

from components.trainer.trunks import shared

TRUNKS = {
    "shared": shared.build,
}
