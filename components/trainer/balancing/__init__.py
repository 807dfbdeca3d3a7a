"""One file per way to balance the heads; a new one is one class, one file and one line here."""

from components.trainer.balancing.base import Balancer
from components.trainer.balancing.dwa import Dwa
from components.trainer.balancing.famo import Famo
from components.trainer.balancing.fixed import Fixed
from components.trainer.balancing.pcgrad import PCGrad
from components.trainer.balancing.uncertainty import Uncertainty

BALANCING: dict[str, type[Balancer]] = {
    "fixed": Fixed,
    "uncertainty": Uncertainty,
    "famo": Famo,
    "dwa": Dwa,
    "pcgrad": PCGrad,
}
