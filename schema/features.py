"""`features` of task.yaml: what a row is made of, and how each column becomes numbers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, PositiveFloat, PositiveInt, Tag, model_validator

from schema.applications import APPLICATIONS
from schema.part import Dropout, Part, by_type


class PlainEncoder(Part):
    """The scaled number as it is."""

    type: Literal["plain"] = "plain"


class PiecewiseLinearEncoder(Part):
    """How far the number has come through each of `bins` intervals (Gorishniy 2022).

    The edges are quantiles of the training rows, half of them over all values and half over those that are not 0: most
    numbers of some columns are zeros.
    """

    type: Literal["piecewise_linear"]
    bins: Annotated[int, Field(ge=2, le=1000)] = 32
    """Number of intervals, at most: equal edges fall together."""
    units: PositiveInt | None = None
    """Width of a dense ReLU layer of the feature's own on top; none if null."""


class PeriodicEncoder(Part):
    """Sines and cosines of the scaled number at learnt frequencies, and a dense ReLU layer (Gorishniy 2022)."""

    type: Literal["periodic"]
    frequencies: PositiveInt = 16
    """How many frequencies: the layer sees twice as many numbers."""
    sigma: PositiveFloat = 0.1
    """Standard deviation of the frequencies at the start, in cycles per unit of the scaled number."""
    units: PositiveInt = 16
    """Width of the dense layer."""


NumericEncoder = Annotated[
    Annotated[PlainEncoder, Tag("plain")]
    | Annotated[PiecewiseLinearEncoder, Tag("piecewise_linear")]
    | Annotated[PeriodicEncoder, Tag("periodic")],
    by_type("plain"),
]


class NumericFeature(Part):
    """A number per row; a missing one becomes 0 after scaling, which is the mean for `zscore`."""

    type: Literal["numeric"]
    scaling: Literal["zscore", "minmax", "none"] = "zscore"
    """To mean 0 and deviation 1, to the range from 0 to 1, or not at all; learnt from the training rows. A
    `piecewise_linear` encoder has bins of its own instead."""
    missing_indicator: bool = True
    """Whether the model also sees if the value was missing."""
    encoder: NumericEncoder = PlainEncoder()
    """How the model sees the number."""


class CategoricalFeature(Part):
    """A string or integer per row, embedded; missing has an id of its own, rare and unknown values share `oov` ids."""

    type: Literal["categorical"]
    vocabulary: PositiveInt = 1000
    """How many of the most frequent values have an id of their own."""
    oov: PositiveInt = 1
    """Ids for all other values, chosen by hash."""
    embedding: PositiveInt = 8
    """Width of the learnt vector."""


class LstmEncoder(Part):
    """An embedding per token and one LSTM over them; padding is masked."""

    type: Literal["lstm"] = "lstm"
    embedding: PositiveInt = 64
    """Width of a token's vector."""
    units: PositiveInt = 64
    """Width of the LSTM's state."""
    dropout: Dropout = 0.0
    """On the embedded tokens."""


class BagEncoder(Part):
    """The mean of the tokens' embeddings, without their order: the fast choice."""

    type: Literal["bag"]
    embedding: PositiveInt = 64
    """Width of a token's vector."""
    dropout: Dropout = 0.0
    """On the mean."""


TextEncoder = Annotated[
    Annotated[LstmEncoder, Tag("lstm")] | Annotated[BagEncoder, Tag("bag")],
    by_type("lstm"),
]


class TextFeature(Part):
    """A text per row: lower-cased, split at everything that is neither letter nor digit, as ids of a vocabulary."""

    type: Literal["text"]
    tokens: PositiveInt = 64
    """Tokens kept of a text; shorter ones are padded."""
    vocabulary: PositiveInt = 20_000
    """How many of the most frequent tokens have an id of their own."""
    oov: PositiveInt = 1
    """Ids for all other tokens, chosen by hash."""
    encoder: TextEncoder = LstmEncoder()
    """How the model sees the tokens."""


class CnnEncoder(Part):
    """Blocks of convolution, ReLU and max pooling, then a dense ReLU layer; the heads do the classifying."""

    type: Literal["cnn"] = "cnn"
    filters: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (32, 64)
    """Filters of each block, every one of which halves height and width."""
    kernel: Annotated[int, Field(ge=1, le=15)] = 3
    """Height and width of a filter, pixels."""
    units: PositiveInt = 128
    """Width of the dense layer."""
    dropout: Dropout = 0.0
    """On the flattened last block and on the dense layer."""


def _by_class_name(value: Any) -> Any:
    """Takes `InceptionV3` for `inception_v3`."""
    return next((name for name, known in APPLICATIONS.items() if known.class_name == value), value)


class ApplicationEncoder(Part):
    """A model of `keras.applications` without its top, with global average pooling and its own preprocessing."""

    type: Annotated[Literal[tuple(APPLICATIONS)], BeforeValidator(_by_class_name)]  # type: ignore[valid-type]
    """Keras's name, such as `inception_v3`, `mobilenet_v2` or `resnet50`."""
    weights: str = "imagenet"
    """`imagenet` (downloaded by Keras), `none`, or a weights file, relative to the task's folder."""
    trainable: bool = False
    """Whether its weights are trained, too."""

    @model_validator(mode="after")
    def _is_not_random(self) -> ApplicationEncoder:
        if self.weights == "none" and not self.trainable:
            raise ValueError("weights: none with trainable: false would keep random layers as they are")
        return self


def _image_encoder(value: Any) -> str:
    kind = value.get("type", "cnn") if isinstance(value, dict) else getattr(value, "type", "cnn")
    return "cnn" if kind == "cnn" else "application"


ImageEncoder = Annotated[
    Annotated[CnnEncoder, Tag("cnn")] | Annotated[ApplicationEncoder, Tag("application")],
    Discriminator(_image_encoder),
]


class ImageFeature(Part):
    """A PNG, JPEG, GIF or BMP image per row, decoded to `shape` in training and serving alike."""

    type: Literal["image"]
    shape: tuple[PositiveInt, PositiveInt, Literal[1, 3]]
    """Height, width and channels (1 grey, 3 RGB) that the model sees; images of another size are resized."""
    source: Literal["bytes", "path"] = "bytes"
    """Whether the column holds encoded images, or paths of files relative to the table's folder."""
    encoder: ImageEncoder = CnnEncoder()
    """How the model sees the pixels."""

    @model_validator(mode="after")
    def _fits_its_encoder(self) -> ImageFeature:
        height, width, channels = self.shape
        if isinstance(self.encoder, CnnEncoder):
            blocks = len(self.encoder.filters)
            if min(height, width) >> blocks == 0:
                raise ValueError(f"{blocks} blocks halve a {height}x{width} image to nothing: fewer `filters`")
            return self
        least = APPLICATIONS[self.encoder.type].min_size
        if channels != 3 or min(height, width) < least:
            raise ValueError(f"{self.encoder.type} takes [height, width, 3] of {least} pixels or more")
        return self


Feature = Annotated[
    NumericFeature | CategoricalFeature | TextFeature | ImageFeature,
    Field(discriminator="type"),
]
