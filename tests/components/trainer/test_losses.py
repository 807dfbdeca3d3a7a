import numpy as np
import pytest

from components.trainer.losses import LOSSES


def test_cross_entropy_is_minus_log_of_the_true_classs_probability():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    loss = LOSSES["cross_entropy"](np.array([0, 2, 2]), np.log(probabilities).astype("float32"))
    np.testing.assert_allclose(loss, -np.log([0.7, 0.1, 0.8]), rtol=1e-5)


def test_cross_entropy_is_per_row_when_batch_and_classes_agree_in_size():
    # The trap of FACTS.md, 6: a (batch,) vector times a (classes,) vector passes unnoticed when both are 3 long.
    logits = np.eye(3, dtype="float32") * 10
    assert tuple(LOSSES["cross_entropy"](np.array([0, 1, 2]), logits).shape) == (3,)


@pytest.mark.parametrize("scale", [1e2, 1e4])
def test_cross_entropy_stays_finite_for_extreme_logits(scale):
    loss = LOSSES["cross_entropy"](np.array([1]), np.array([[scale, -scale]], "float32"))
    assert 2 * scale == pytest.approx(float(loss[0]))
