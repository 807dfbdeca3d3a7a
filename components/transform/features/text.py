"""A text column: ids of its tokens, by a vocabulary learnt from the training rows."""

from __future__ import annotations

import pyarrow as pa
import tensorflow as tf

from components.transform.analysis.terms import Terms
from components.transform.dense import one_per_row
from components.transform.features.vocabulary import NO_ID, ids
from schema import names
from schema.features import TextFeature

# Everything that is neither letter nor digit. A mark (an accent of its own, an Indic vowel sign) belongs to the letter
# before it, and to no token where there is none: emoji carry marks, too.
_BETWEEN_TOKENS = r"([^\p{L}\p{N}\p{M}]+|^)\p{M}*"


def accumulator(feature: TextFeature) -> Terms:
    """Returns what gathers the vocabulary: of the tokens that the model sees, the first `tokens` of each row."""

    def terms(column: pa.Array) -> pa.Array:
        texts = tf.constant(column.flatten().to_pylist(), tf.string)
        return pa.array(_first_tokens(texts, feature).flat_values.numpy(), pa.binary())

    return Terms(f"first {feature.tokens} tokens", feature.vocabulary, terms)


def transform(name: str, column: tf.SparseTensor, feature: TextFeature, vocabulary_file: str) -> dict[str, tf.Tensor]:
    """Returns the ids of every row's first tokens.

    Ids: 0 behind the last token, then the vocabulary from the most frequent token on, then `oov` ids for tokens outside
    it.

    Args:
        name: The feature.
        column: BYTES values, UTF-8, `(batch, at most 1)`; a missing text has no tokens.
        feature: Number of tokens and of `oov` ids.
        vocabulary_file: The vocabulary.

    Returns:
        int64 tensor `(batch, tokens)`.
    """
    tokens = _first_tokens(one_per_row(column, ""), feature)
    token_ids = tokens.with_flat_values(ids(name, tokens.flat_values, feature, vocabulary_file))
    return {names.transformed(name): token_ids.to_tensor(NO_ID, shape=[None, feature.tokens])}


def _first_tokens(texts: tf.Tensor, feature: TextFeature) -> tf.RaggedTensor:
    return tokenize(texts)[:, : feature.tokens]


def tokenize(texts: tf.Tensor) -> tf.RaggedTensor:
    """Returns the lower-cased runs of letters and digits of every text.

    Scripts without spaces between words, such as Chinese, come as one token per run.

    Args:
        texts: string `(batch,)`; bytes that are not UTF-8 count as no letters.

    Returns:
        string `(batch, any number)`.
    """
    texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")
    return tf.strings.split(tf.strings.regex_replace(tf.strings.lower(texts, "utf-8"), _BETWEEN_TOKENS, " "))
