"""Constant weights."""

from __future__ import annotations

from components.trainer.balancing.base import Balancer


class Fixed(Balancer):
    """sum_i l_i: every head starts at its own weight, and nothing changes it.

    No special optimiser beats a well tuned plain sum consistently (Kurin et al. 2022, arXiv 2201.04122; Xin et al.
    2022), so this is the default.
    """
