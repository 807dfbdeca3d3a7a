"""One file per way for heads to share layers; a new one is one file and one line here."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from components.trainer.trunks import independent, mmoe, ple, shared

# Each takes a function that encodes all features, with layers of its own for every name it is given; the trunk of the
# task file; and the heads. It returns what every head sees, `(batch, units[-1])`.
Encode = Callable[[str], Any]
TRUNKS: dict[str, Callable[[Encode, Any, Iterable[str]], Mapping[str, Any]]] = {
    "shared": shared.build,
    "independent": independent.build,
    "mmoe": mmoe.build,
    "ple": ple.build,
}
