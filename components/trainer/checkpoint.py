"""A training that was killed goes on after its last finished epoch.

Keras' own BackupAndRestore forgets what early stopping and plateaus have seen, writes weights and epoch one after the
other, so that a kill between the two trains an epoch twice, and fails for good on a file that was half written.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from absl import logging

FILE = "checkpoint.npz"
# What callbacks learn from one epoch for the next.
_KEPT = {
    keras.callbacks.History: ("epoch", "history"),
    keras.callbacks.EarlyStopping: ("best", "best_epoch", "wait", "stopped_epoch"),
    keras.callbacks.SwapEMAWeights: ("_ema_weights_in_model",),
    keras.callbacks.ReduceLROnPlateau: ("best", "wait", "cooldown_counter"),
}
_DAMAGED = (OSError, EOFError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile)


@dataclasses.dataclass(frozen=True)
class _State:
    """A training between two epochs.

    Attributes:
        epochs: Epochs done; all of them once training was stopped early.
        variables: Of model and optimizer: weights, states of balancing and of dropout, moments, step.
        best_weights: What early stopping would restore; empty without early stopping.
        callbacks: Values by attribute, by class of the callback.
    """

    epochs: int
    variables: list[np.ndarray]
    best_weights: list[np.ndarray]
    callbacks: dict[str, dict[str, Any]]


class Checkpoint(keras.callbacks.Callback):
    """Keeps one file up to date with everything that the next epoch depends on, and removes it when training ends.

    The file is replaced in one step: it is always that of a finished epoch. One that cannot be read, or that belongs to
    another model, is reported in the log and ignored.

    Belongs last among the callbacks: it keeps what the others have made of the epoch.

    Args:
        folder: Of this training alone.
        others: The callbacks whose state is kept.
        batches: What is trained on, shuffled by a seed or not at all.
    """

    def __init__(self, folder: Path, others: Sequence[keras.callbacks.Callback], batches: Iterable[Any]):
        super().__init__()
        self._folder = folder
        self._batches = batches
        self._kept = {
            kind.__name__: (callback, names)
            for kind, names in _KEPT.items()
            for callback in others
            if isinstance(callback, kind)
        }
        self._resumed: _State | None = None

    def restore(self, model: keras.Model) -> int:
        """Brings a compiled model to where the training was; returns how many epochs it had finished, 0 if it is new.

        What other callbacks knew is given back to them when the training begins.
        """
        file = self._folder / FILE
        if not file.exists():
            return 0
        variables = _variables(model)
        try:
            state = _read(file)
            self._check(state, variables)
        except _DAMAGED as error:
            logging.warning("Training starts anew: %s is of no use (%s)", file, error)
            return 0
        for variable, value in zip(variables, state.variables, strict=True):
            variable.assign(value)
        logging.info("Training goes on after epoch %d, from %s", state.epochs, file)
        self._resumed = state
        return state.epochs

    def _check(self, state: _State, variables: Sequence[keras.Variable]) -> None:
        expected = [(tuple(variable.shape), variable.dtype) for variable in variables]
        if expected != [(value.shape, value.dtype.name) for value in state.variables]:
            raise ValueError("its variables are those of another model")
        expected_names = {name: set(attributes) for name, (_, attributes) in self._kept.items()}
        if expected_names != {name: set(values) for name, values in state.callbacks.items()}:
            raise ValueError(f"it knows of {sorted(state.callbacks)}, this training has {sorted(expected_names)}")

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Gives the other callbacks their state back, after each has reset itself, and finds the order of the rows."""
        if self._resumed is None:
            return
        # tf.data draws the order of an epoch as its first batch is taken: begun as often as before the kill, it goes on
        # with the orders that a training without a break would have seen.
        for _ in range(self._resumed.epochs):
            next(iter(self._batches))
        for name, (callback, attributes) in self._kept.items():
            for attribute in attributes:
                setattr(callback, attribute, self._resumed.callbacks[name][attribute])
            if isinstance(callback, keras.callbacks.EarlyStopping):
                callback.best_weights = self._resumed.best_weights
        self._resumed = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Writes the file."""
        best_weights: list[np.ndarray] = []
        for callback, _ in self._kept.values():
            if isinstance(callback, keras.callbacks.EarlyStopping):
                best_weights = callback.best_weights or []
        state = _State(
            epochs=self.params["epochs"] if self.model.stop_training else epoch + 1,
            variables=[keras.ops.convert_to_numpy(variable) for variable in _variables(self.model)],
            best_weights=best_weights,
            callbacks={
                name: {attribute: getattr(callback, attribute) for attribute in attributes}
                for name, (callback, attributes) in self._kept.items()
            },
        )
        _write(state, self._folder / FILE)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Removes the file: there is nothing left to resume."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _variables(model: keras.Model) -> list[keras.Variable]:
    """Returns everything that steps change, in an order that equal models share."""
    model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables]


def _write(state: _State, file: Path) -> None:
    arrays = {f"variable_{i}": value for i, value in enumerate(state.variables)}
    arrays |= {f"best_{i}": value for i, value in enumerate(state.best_weights)}
    rest = {
        "epochs": state.epochs,
        "variables": len(state.variables),
        "best_weights": len(state.best_weights),
        "callbacks": state.callbacks,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_suffix(".part")
    with beside.open("wb") as stream:
        np.savez(stream, rest=np.array(json.dumps(rest, default=float)), **arrays)
    beside.replace(file)


def _read(file: Path) -> _State:
    with np.load(file) as arrays:
        rest = json.loads(str(arrays["rest"]))
        return _State(
            epochs=rest["epochs"],
            variables=[arrays[f"variable_{i}"] for i in range(rest["variables"])],
            best_weights=[arrays[f"best_{i}"] for i in range(rest["best_weights"])],
            callbacks=rest["callbacks"],
        )
