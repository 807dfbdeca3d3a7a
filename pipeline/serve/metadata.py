"""What TensorFlow Serving says of a model's signatures, and of the state of its versions, as plain data for JSON.

protobuf's own JSON would need another option in each lane to write fields that have their default value.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any


def signature_defs(model: Path, served: Iterable[str]) -> dict[str, Any]:
    """Returns the signatures of a SavedModel, as JSON of the proto SignatureDef, by name.

    Args:
        model: Its folder.
        served: Names of signatures.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    proto = saved_model_pb2.SavedModel.FromString((model / "saved_model.pb").read_bytes())
    found = proto.meta_graphs[0].signature_def
    return {
        name: {
            "inputs": {key: _tensor(info) for key, info in sorted(found[name].inputs.items())},
            "outputs": {key: _tensor(info) for key, info in sorted(found[name].outputs.items())},
            "method_name": found[name].method_name,
        }
        for name in served
    }


def _tensor(info: Any) -> dict[str, Any]:
    from tensorflow.core.framework import types_pb2

    shape = info.tensor_shape
    return {
        "dtype": types_pb2.DataType.Name(info.dtype),
        # 64 bits do not fit into every reader's numbers: proto3 writes them as text.
        "tensor_shape": {
            "dim": [{"size": str(dim.size), "name": dim.name} for dim in shape.dim],
            "unknown_rank": shape.unknown_rank,
        },
        "name": info.name,
    }


def of_model(name: str, version: int, defs: dict[str, Any]) -> dict[str, Any]:
    """Returns the answer to `GET /v1/models/NAME/metadata`: the proto GetModelMetadataResponse."""
    return {
        "model_spec": {"name": name, "signature_name": "", "version": str(version)},
        "metadata": {"signature_def": {"signature_def": defs}},
    }


def of_version(version: int, state: str, error: str) -> dict[str, Any]:
    """Returns a part of the answer to `GET /v1/models/NAME`: the proto ModelVersionStatus.

    Args:
        version: Its number.
        state: `LOADING`, `AVAILABLE`, `UNLOADING` or `END`.
        error: Why it could not be loaded, or an empty text.
    """
    status = {"error_code": "FAILED_PRECONDITION" if error else "OK", "error_message": error}
    return {"version": str(version), "state": state, "status": status}
