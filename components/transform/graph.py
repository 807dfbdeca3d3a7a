"""The Transform graph, traced without a look at the data."""

from __future__ import annotations

import os
from collections.abc import Callable

import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform import TFTransformOutput, impl_helper
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io, schema_utils


def write_graph(preprocessing_fn: Callable[..., dict[str, tf.Tensor]], schema: schema_pb2.Schema, folder: str) -> None:
    """Writes the Transform graph of a preprocessing_fn without analysers, as TFTransformOutput reads it.

    Args:
        preprocessing_fn: From raw columns by name, sparse tensors, to transformed ones.
        schema: Of raw examples.
        folder: Where it goes.
    """
    metadata = dataset_metadata.DatasetMetadata(schema)
    metadata_io.write_metadata(metadata, os.path.join(folder, TFTransformOutput.RAW_METADATA_DIR))
    spec = schema_utils.schema_as_feature_spec(metadata.schema).feature_spec
    tensors = {name: tf.SparseTensorSpec([None, None], column.dtype) for name, column in spec.items()}
    # AutoGraph would rewrite all functions that it calls, twice: seconds, and none has anything to rewrite.
    traced = tf.autograph.experimental.do_not_convert(preprocessing_fn)
    impl_helper.analyze_in_place(traced, False, spec, tensors, folder)
