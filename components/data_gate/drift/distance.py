"""How far two samples lie apart, and how far they may by chance alone.

A small sample is never quite like the one it was drawn from: the more so the fewer rows it has. What chance explains is
no drift, whatever the threshold says.
"""

from __future__ import annotations

import math

import numpy as np

# How often chance alone may look like drift: with thirty columns a day, once in a year, and only where so few rows were
# drawn that chance matters more than the threshold.
CHANCE = 1e-4


def l_infinity(newest: np.ndarray, reference: np.ndarray) -> float:
    """Returns the largest difference between two distributions, from 0 to 1.

    Args:
        newest: Rows by value, `(values,)`.
        reference: The same of the other sample.
    """
    return float(np.abs(_shares(newest) - _shares(reference)).max())


def jensen_shannon(newest: np.ndarray, reference: np.ndarray) -> float:
    """Returns the Jensen-Shannon divergence of two distributions, in bits, from 0 to 1.

    Lin 1991, "Divergence measures based on the Shannon entropy", equation 4.1 with equal weights.

    Args:
        newest: Rows by bin, `(bins,)`.
        reference: The same of the other sample.
    """
    p, q = _shares(newest), _shares(reference)
    middle = (p + q) / 2
    return float((_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2)


def share_noise(share: float | np.ndarray, newest: int, reference: int, shares: int = 1) -> float:
    """Returns what the difference of a share between two samples exceeds by chance once in 1 / CHANCE.

    Bernstein's inequality (Boucheron, Lugosi and Massart 2013, "Concentration Inequalities", theorem 2.10) for the
    difference of two means, and a union bound over all shares of one column.

    Args:
        share: Of all rows together, or of each value `(values,)`: the largest result counts.
        newest: Number of rows drawn.
        reference: Number of rows drawn for the other sample.
        shares: How many shares are compared.
    """
    per_row, log_odds = 1 / newest + 1 / reference, math.log(2 * shares / CHANCE)
    variance = np.max(share * (1 - share)) * per_row
    return float(math.sqrt(2 * variance * log_odds) + log_odds / (3 * min(newest, reference)))


def divergence_noise(bins: int, newest: int, reference: int) -> float:
    """Returns what the Jensen-Shannon divergence of two samples exceeds by chance once in 1 / CHANCE, in bits.

    Of two samples of one distribution it is 1 / (8 ln 2) (1 / n + 1 / m) times a chi-squared number with `bins - 1`
    degrees of freedom (Grosse et al. 2002, "Analysis of symbolic sequences using the Jensen-Shannon divergence"), whose
    tail is bounded as in Laurent and Massart 2000, lemma 1.

    Args:
        bins: Their number.
        newest: Number of rows drawn.
        reference: Number of rows drawn for the other sample.
    """
    freedom, log_odds = max(bins - 1, 1), -math.log(CHANCE)
    tail = freedom + 2 * math.sqrt(freedom * log_odds) + 2 * log_odds
    return tail * (1 / newest + 1 / reference) / (8 * math.log(2))


def ratio_noise(newest: float, reference: float) -> float:
    """Returns what the ratio of two numbers of rows, that come one by one at one rate, exceeds once in 1 / CHANCE.

    Their logarithm has the variance 1 / n + 1 / m.
    """
    return math.exp(math.sqrt(2 * -math.log(CHANCE) * (1 / newest + 1 / reference)))


def _shares(counts: np.ndarray) -> np.ndarray:
    return np.asarray(counts / counts.sum())


def _relative_entropy(p: np.ndarray, q: np.ndarray) -> float:
    known = p > 0
    return float(np.sum(p[known] * np.log2(p[known] / q[known])))
