import keras
import numpy as np
import pytest

from components.trainer.losses import LOSSES
from schema.heads import CrossEntropy, Focal, LogitAdjusted

PRIOR = np.array([0.7, 0.2, 0.1])
PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
LOGITS = np.log(PROBABILITIES).astype("float32")
LABELS = np.array([0, 2, 2])
OF_TRUE_CLASS = np.array([0.7, 0.1, 0.8])


def per_row(loss, labels=LABELS, logits=LOGITS, prior=PRIOR):
    return np.asarray(LOSSES[loss.type].row_loss(loss, prior)(labels, logits))


class TestCrossEntropy:
    loss = CrossEntropy()

    def test_is_minus_log_of_the_true_classs_probability(self):
        np.testing.assert_allclose(per_row(self.loss), -np.log(OF_TRUE_CLASS), rtol=1e-5)

    def test_is_per_row_when_batch_and_classes_agree_in_size(self):
        assert per_row(self.loss, np.array([0, 1, 2]), np.eye(3, dtype="float32") * 10).shape == (3,)

    @pytest.mark.parametrize("scale", [1e2, 1e4])
    def test_stays_finite_for_extreme_logits(self, scale):
        (loss,) = per_row(self.loss, np.array([1]), np.array([[scale, -scale]], "float32"), PRIOR[:2])
        assert 2 * scale == pytest.approx(loss)

    def test_label_smoothing_is_kerass(self):
        ours = per_row(CrossEntropy(label_smoothing=0.3))
        theirs = keras.losses.categorical_crossentropy(np.eye(3)[LABELS], LOGITS, from_logits=True, label_smoothing=0.3)
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)

    def test_the_copied_formula_is_wrong_and_ours_right_on_the_same_numbers(self):
        class_weights = np.array([1.0, 2.0, 10.0])
        losses = -np.log(OF_TRUE_CLASS)
        by_hand = np.array([1.0, 10.0, 10.0]) * losses  # The true classes are 0, 2, 2.
        ours = class_weights[LABELS] * per_row(self.loss)
        copied = np.asarray(keras.losses.categorical_crossentropy(np.eye(3)[LABELS], PROBABILITIES)) * class_weights
        np.testing.assert_allclose(ours, by_hand, rtol=1e-5)
        np.testing.assert_allclose(copied, losses * class_weights, rtol=1e-5)  # By position in the batch, not class.
        assert not np.allclose(copied, by_hand)
        with pytest.raises(ValueError, match="broadcast"):
            np.asarray(keras.losses.categorical_crossentropy(np.eye(3)[LABELS[:2]], PROBABILITIES[:2])) * class_weights


class TestFocal:
    def test_is_cross_entropy_times_how_wrong_the_row_is(self):
        expected = -((1 - OF_TRUE_CLASS) ** 2) * np.log(OF_TRUE_CLASS)
        np.testing.assert_allclose(per_row(Focal(gamma=2)), expected, rtol=1e-4)

    def test_is_kerass(self):
        theirs = keras.losses.categorical_focal_crossentropy(np.eye(3)[LABELS], PROBABILITIES, alpha=1.0, gamma=1.5)
        np.testing.assert_allclose(per_row(Focal(gamma=1.5)), theirs, rtol=1e-4)

    def test_without_gamma_is_cross_entropy(self):
        np.testing.assert_allclose(per_row(Focal(gamma=0)), per_row(CrossEntropy()), rtol=1e-5)

    @pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
    def test_gradient_of_a_perfect_row_is_finite(self, gamma):
        import tensorflow as tf

        logits = tf.Variable([[100.0, -100.0], [-100.0, 100.0]])
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(LOSSES["focal"].row_loss(Focal(gamma=gamma), PRIOR[:2])(np.array([0, 0]), logits))
        assert np.isfinite(tape.gradient(loss, logits).numpy()).all()


class TestLogitAdjusted:
    def test_adds_tau_log_prior_to_the_logits(self):
        adjusted = PROBABILITIES * PRIOR**0.5
        adjusted /= adjusted.sum(axis=1, keepdims=True)
        expected = -np.log(adjusted[np.arange(3), LABELS])
        np.testing.assert_allclose(per_row(LogitAdjusted(tau=0.5)), expected, rtol=1e-5)

    def test_with_an_even_prior_is_cross_entropy(self):
        even = np.full(3, 1 / 3)
        np.testing.assert_allclose(per_row(LogitAdjusted(), prior=even), per_row(CrossEntropy()), rtol=1e-5)
