"""One file per way to balance the heads; a new one is one class, one file and one line here."""

from components.trainer.balancing.base import Balancer
from components.trainer.balancing.fixed import Fixed

BALANCING: dict[str, type[Balancer]] = {
    "fixed": Fixed,
}
