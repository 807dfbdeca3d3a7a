"""How much the answers of different heads hang together, in the labels and in the model's decisions: Cramér's V."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from components.evaluator.sparse import SparseCounts
from components.exported import ExportedHead


@dataclasses.dataclass(frozen=True)
class Variables:
    """The variables of all heads side by side: one of a multiclass head, one with two values of every tag.

    Attributes:
        heads: Names of the heads.
        head: Index of its head by variable, int64 `(num_variables,)`.
        sizes: Number of values by variable, int64 `(num_variables,)`.
    """

    heads: tuple[str, ...]
    head: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of(cls, heads: Mapping[str, ExportedHead]) -> Variables:
        """Returns the variables of heads."""
        sizes = [[2] * len(h.classes) if h.is_multilabel else [len(h.classes)] for h in heads.values()]
        return cls(tuple(heads), np.repeat(np.arange(len(sizes)), list(map(len, sizes))), np.concatenate(sizes))

    @property
    def starts(self) -> np.ndarray:
        """First column by variable in a one-hot matrix of all of them, int64 `(num_variables,)`."""
        return np.cumsum(self.sizes) - self.sizes

    def together(self, values: np.ndarray, is_labelled: np.ndarray, groups: np.ndarray) -> SparseCounts:
        """Returns the contingency tables of every two variables in one square matrix, by group of rows.

        That is X^T X of the one-hot values X, whose rows are 0 where a variable has no label: rows that lack either
        label do not count.

        Args:
            values: int64 `(rows, num_variables)`.
            is_labelled: bool `(rows, num_variables)`.
            groups: Of every row, int64 `(rows,)`.

        Returns:
            Rows with either value; a group has `num_columns²` cells, and `num_columns` is the sum of the sizes.
        """
        size = int(self.sizes.sum())
        one_hot = np.zeros((len(values), size), np.float32)
        rows, variables = np.nonzero(is_labelled)
        one_hot[rows, (values + self.starts)[rows, variables]] = 1
        order = np.argsort(groups, kind="stable")
        found, starts = np.unique(groups[order], return_index=True)
        ends = np.append(starts, len(order))[1:]
        cells, counts = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for group, start, end in zip(found, starts, ends, strict=True):
            of_group = one_hot[order[start:end]]
            table = (of_group.T @ of_group).ravel()
            places = np.flatnonzero(table)
            cells.append(group * size**2 + places)
            counts.append(table[places].astype(np.int64))
        return SparseCounts(size**2, np.concatenate(cells), np.concatenate(counts))


def cramers_v(tables: np.ndarray, variables: Variables) -> tuple[np.ndarray, np.ndarray]:
    """Returns Cramér's V of every two variables, and how many rows have both.

    V = sqrt(chi² / (n · min(r - 1, c - 1))) with chi² / n = sum n_ij² / (n_i. · n_.j) - 1 (Cramér 1946, Mathematical
    Methods of Statistics, chapter 21): 0 if they are independent, 1 if one tells the other. r and c are the numbers of
    classes, whether they occur or not, so that labels and decisions, slices and models are measured by the same scale.
    No correction of the bias of small samples (Bergsma 2013): labels and decisions of the same rows share it, and it is
    their difference that counts.

    Args:
        tables: `Variables.together` of one group, float64 `(num_columns, num_columns)`.
        variables: What the columns are.

    Returns:
        V, NaN where no row has both, and rows; float64 `(num_variables, num_variables)` each.
    """
    starts, of_column = variables.starts, np.repeat(np.arange(len(variables.sizes)), variables.sizes)
    totals = np.add.reduceat(tables, starts, axis=1)  # Of every value, among the rows that have the other variable.
    rows = np.add.reduceat(totals, starts, axis=0)
    margins = totals[:, of_column]
    product = margins * margins.T
    shares = np.divide(tables**2, product, out=np.zeros_like(tables), where=product > 0)
    of_pairs = np.add.reduceat(np.add.reduceat(shares, starts, axis=0), starts, axis=1)
    degrees = np.minimum.outer(variables.sizes, variables.sizes) - 1
    v = np.sqrt(np.clip((of_pairs - 1) / degrees, 0, 1))
    return np.where(rows > 0, v, np.nan), rows


def pairs_of_heads(variables: Variables, labels: np.ndarray, decisions: np.ndarray) -> list[dict[str, Any]]:
    """Returns the association of every two heads that have common rows, that of the largest difference first.

    Of the tags of a multilabel head it is the one with the largest difference.

    Args:
        variables: What the columns are.
        labels: `Variables.together` of the labels of one group, float64 `(num_columns, num_columns)`.
        decisions: The same of the decisions on the same rows.

    Returns:
        `heads`, two names; `variables`, which of each head's variables it is, 0 or the index of a tag; Cramér's V
        `true` and `predicted`; `labelled`, rows with both labels.
    """
    (true, rows), (predicted, _) = cramers_v(labels, variables), cramers_v(decisions, variables)
    difference = np.abs(predicted - true)
    of_head = [np.flatnonzero(variables.head == index) for index in range(len(variables.heads))]
    found = []
    for first, second in ((a, b) for a in range(len(of_head)) for b in range(a + 1, len(of_head))):
        block = difference[np.ix_(of_head[first], of_head[second])]
        if np.isnan(block).all():
            continue
        place = np.unravel_index(np.nanargmax(block), block.shape)
        i, j = of_head[first][place[0]], of_head[second][place[1]]
        found.append(
            {
                "heads": [variables.heads[first], variables.heads[second]],
                "variables": [int(place[0]), int(place[1])],
                "true": float(true[i, j]),
                "predicted": float(predicted[i, j]),
                "labelled": int(rows[i, j]),
            }
        )
    return sorted(found, key=lambda pair: -abs(pair["predicted"] - pair["true"]))
