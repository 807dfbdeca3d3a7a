"""A model as TFMA asks it, no more than is wanted of it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.api.types import EvalSharedModel, ModelLoader

from components.exported import ExportedHead, read_exported
from schema import names

# Rows that a model is asked about at a time, by the type of feature that takes the most memory: a decoded image of
# 224 x 224 pixels has 600,000 bytes, and the answers of the first layers have more. Numbers gain nothing by more rows.
_BATCH_ROWS = {"image": 128, "text": 1024}
_MOST_ROWS = 4096


def batch_rows(models: Collection[Path]) -> int:
    """Returns how many rows these SavedModels are asked about at a time."""
    types = {feature.type for model in models for feature in read_exported(model).features.values()}
    return min((rows for of_type, rows in _BATCH_ROWS.items() if of_type in types), default=_MOST_ROWS)


@dataclasses.dataclass(frozen=True)
class Signature:
    """A signature of a SavedModel that takes serialized tf.Examples `(batch,)`.

    TFMA gives them without their name. TensorFlow then first writes up to a thousand of them, with their images, into
    the message of an error that nobody sees.

    Attributes:
        ask: The signature.
        outputs: What is wanted of its outputs; images, which Transform hands on, stay where they are.
    """

    ask: Callable[..., Mapping[str, tf.Tensor]]
    outputs: Sequence[str]
    # That TFMA is to give it the examples, not features.
    structured_input_signature: None = None

    def __call__(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answers."""
        found = self.ask(**{names.EXAMPLES: examples})
        return {name: found[name] for name in self.outputs if name in found}


@dataclasses.dataclass(frozen=True)
class AskedModel:
    """A loaded model.

    Attributes:
        signatures: By name.
        loaded: Held, because signatures alone do not keep a model's variables.
    """

    signatures: Mapping[str, Signature]
    loaded: Any


def shared_model(
    folder: Path, name: str, heads: Mapping[str, ExportedHead], config: tfma.EvalConfig
) -> EvalSharedModel:
    """Returns a model as TFMA's extractors want it: each process loads it once.

    Args:
        folder: SavedModel.
        name: In the EvalConfig.
        heads: That are asked about.
        config: The EvalConfig.
    """
    load = functools.partial(_load, str(folder), tuple(heads))
    loader = ModelLoader(load, [tf.saved_model.SERVING])
    return tfma.default_eval_shared_model(str(folder), model_name=name, eval_config=config, custom_model_loader=loader)


def _load(folder: str, heads: Sequence[str]) -> AskedModel:
    loaded = tf.saved_model.load(folder, [tf.saved_model.SERVING])
    wanted = {
        names.EVALUATION: [part for head in heads for part in (head, names.uncalibrated(head))],
        names.TRANSFORM_FEATURES: [part for head in heads for part in (names.label(head), names.labelled(head))],
    }
    signatures = {
        name: Signature(loaded.signatures[name], outputs)
        for name, outputs in wanted.items()
        if name in loaded.signatures
    }
    return AskedModel(signatures, loaded)
