"""Each way of balancing by its formula, on numbers; what it does inside a model stands in test_balancing_steps.py."""

import keras
import numpy as np
import pytest

from components.trainer.balancing import BALANCING
from components.trainer.balancing.pcgrad import projected
from components.trainer.balancing.uncertainty import MAX_LOG_VARIANCE
from schema.training import DwaBalancing, FamoBalancing, FixedBalancing, UncertaintyBalancing

HEADS = ("zebra", "mango", "apple")
ALL = np.ones(3, "float32")


def make(spec):
    return BALANCING[spec.type](spec, HEADS)


def weights_of(balancer, losses=(1.0, 1.0, 1.0), present=ALL):
    return np.array(balancer.weights(np.float32(losses), np.float32(present)))


def never():
    raise AssertionError("one more forward pass was asked for")


def test_fixed_adds_the_losses_up():
    assert weights_of(make(FixedBalancing())).tolist() == [1.0, 1.0, 1.0]


class TestUncertainty:
    def test_weights_settle_where_the_formula_is_smallest(self):
        # d/ds (exp(-s) L + s / 2) = 0 at exp(-s) = 1 / (2 L).
        balancer = make(UncertaintyBalancing(type="uncertainty", learning_rate=0.5))
        losses = np.float32([0.5, 2.0, 0.1])
        for _ in range(100):
            balancer.after_step(losses, ALL, never)
        np.testing.assert_allclose(weights_of(balancer), 1 / (2 * losses), rtol=1e-3)

    def test_a_step_is_the_learning_rate_times_the_slope(self):
        balancer = make(UncertaintyBalancing(type="uncertainty", learning_rate=0.1))
        balancer.after_step(np.float32([1.0, 3.0, 0.5]), ALL, never)
        np.testing.assert_allclose(np.log(weights_of(balancer)), [-0.05, -0.25, 0.0], atol=1e-6)

    def test_a_larger_learning_rate_moves_weights_further(self):
        moved = {}
        for rate in (0.01, 0.2):
            balancer = make(UncertaintyBalancing(type="uncertainty", learning_rate=rate))
            balancer.after_step(np.float32([2.0, 2.0, 2.0]), ALL, never)
            moved[rate] = 1 - weights_of(balancer)[0]
        assert moved[0.2] > 10 * moved[0.01] > 0

    def test_log_variances_are_clipped(self):
        balancer = make(UncertaintyBalancing(type="uncertainty", learning_rate=1.0))
        for _ in range(50):
            balancer.after_step(np.float32([1e6, 1e-6, 0.5]), ALL, never)
        expected = np.exp([-MAX_LOG_VARIANCE, MAX_LOG_VARIANCE, 0.0])
        np.testing.assert_allclose(weights_of(balancer), expected, rtol=1e-5)

    def test_an_absent_head_does_not_move(self):
        balancer = make(UncertaintyBalancing(type="uncertainty", learning_rate=0.1))
        balancer.after_step(np.float32([1.0, 0.0, 1.0]), np.float32([1, 0, 1]), never)
        np.testing.assert_allclose(np.log(weights_of(balancer)), [-0.05, 0.0, -0.05], atol=1e-6)


class Adam:
    """Adam with L2 decay in the gradient, as in torch.optim.Adam(weight_decay=...)."""

    def __init__(self, rate, decay):
        self.rate, self.decay, self.mean, self.square, self.steps = rate, decay, 0.0, 0.0, 0

    def step(self, x, gradient):
        gradient = gradient + self.decay * x
        self.steps += 1
        self.mean = 0.9 * self.mean + 0.1 * gradient
        self.square = 0.999 * self.square + 0.001 * gradient**2
        mean, square = self.mean / (1 - 0.9**self.steps), self.square / (1 - 0.999**self.steps)
        return x - self.rate * mean / (np.sqrt(square) + 1e-8)


class TestFamo:
    def test_follows_algorithm_1_of_the_paper(self):
        rng = np.random.default_rng(0)
        balancer = make(FamoBalancing(type="famo", learning_rate=0.1, decay=0.02))
        xi, adam = np.zeros(3), Adam(0.1, 0.02)
        for _ in range(20):
            before = rng.uniform(0.2, 2.0, 3)
            after = before * rng.uniform([0.5, 0.9, 0.7], 1.0)
            z = np.exp(xi) / np.exp(xi).sum()
            c = 1 / (z / before).sum()
            np.testing.assert_allclose(weights_of(balancer, before), c * z / before, rtol=1e-4)
            balancer.after_step(np.float32(before), ALL, lambda after=after: np.float32(after))
            jacobian = np.diag(z) - np.outer(z, z)
            xi = adam.step(xi, jacobian.T @ (np.log(before) - np.log(after)))
        assert np.ptp(xi) > 0.5

    def test_the_head_whose_loss_falls_least_gains_weight(self):
        balancer = make(FamoBalancing(type="famo"))
        for _ in range(30):
            balancer.after_step(ALL, ALL, lambda: np.float32([0.9, 0.99, 0.9]))
        weights = weights_of(balancer)
        assert weights[1] > weights[0] == pytest.approx(weights[2], rel=1e-3)

    @pytest.mark.parametrize(
        ("smaller", "larger"),
        [({"learning_rate": 0.01}, {"learning_rate": 0.1}), ({"decay": 1.0}, {"decay": 0.0})],
    )
    def test_learning_rate_and_decay_say_how_far_weights_part(self, smaller, larger):
        spread = []
        for knobs in (smaller, larger):
            balancer = make(FamoBalancing(type="famo", **knobs))
            for _ in range(30):
                balancer.after_step(ALL, ALL, lambda: np.float32([0.9, 0.99, 0.9]))
            spread.append(np.ptp(weights_of(balancer)))
        assert 0 < 2 * spread[0] < spread[1]

    def test_heads_that_are_absent_now_and_then_are_as_if_those_steps_had_not_been(self):
        mixed, alone = make(FamoBalancing(type="famo")), make(FamoBalancing(type="famo"))
        absent = np.float32([1, 0, 1])
        for _ in range(5):
            for balancer in (mixed, alone):
                balancer.after_step(ALL, ALL, lambda: np.float32([0.8, 0.9, 0.95]))
            kept = [np.array(variable)[1] for variable in mixed.variables()]
            mixed.after_step(np.float32([1, 0, 1]), absent, lambda: np.float32([0.8, 0, 0.95]))
            assert kept == [np.array(variable)[1] for variable in mixed.variables()]
        assert np.array(mixed.variables()[-1]).tolist() == [10, 5, 10]
        assert np.isfinite([np.array(variable) for variable in mixed.variables()]).all()

    def test_weights_are_those_of_the_heads_that_are_present(self):
        weights = weights_of(make(FamoBalancing(type="famo")), [0.5, 0.0, 2.0], [1, 0, 1])
        np.testing.assert_allclose(weights, [0.8, 0.0, 0.2], rtol=1e-5)

    def test_no_head_and_a_loss_of_0_are_finite(self):
        balancer = make(FamoBalancing(type="famo"))
        none = np.zeros(3, "float32")
        assert weights_of(balancer, none, none).tolist() == [0.0, 0.0, 0.0]
        balancer.after_step(none, none, lambda: none)
        assert {0.0} == {value for variable in balancer.variables() for value in np.array(variable).tolist()}
        balancer.after_step(none, ALL, lambda: none)
        assert np.isfinite(weights_of(balancer, none)).all()


class TestDwa:
    HISTORY = [(1.0, 2.0, 4.0), (0.5, 1.8, 4.0), (0.25, 1.8, 3.0)]

    def after(self, epochs, **knobs):
        balancer = make(DwaBalancing(type="dwa", **knobs))
        for losses in self.HISTORY[:epochs]:
            balancer.on_epoch_end(dict(zip(HEADS, losses, strict=True)))
        return weights_of(balancer)

    @pytest.mark.parametrize("epochs", [0, 1])
    def test_the_first_two_epochs_have_equal_weights(self, epochs):
        np.testing.assert_allclose(self.after(epochs), 1.0, rtol=1e-6)

    @pytest.mark.parametrize(("epochs", "ratios"), [(2, [0.5, 0.9, 1.0]), (3, [0.5, 1.0, 0.75])])
    def test_later_weights_follow_the_ratio_of_the_last_two_epochs(self, epochs, ratios):
        weights = np.exp(np.array(ratios) / 2)
        np.testing.assert_allclose(self.after(epochs), 3 * weights / weights.sum(), rtol=1e-5)

    def test_a_higher_temperature_evens_weights_out(self):
        cold, warm = (np.ptp(self.after(2, temperature=t)) for t in (0.5, 20.0))
        assert cold > 10 * warm > 0

    def test_a_head_without_a_labelled_row_in_an_epoch_keeps_what_it_had(self):
        balancer = make(DwaBalancing(type="dwa"))
        for losses in [(1.0, 2.0, 4.0), (0.5, 1.8, 2.0), (0.25, 0.0, 1.0), (0.125, 0.9, 0.5)]:
            balancer.on_epoch_end(dict(zip(HEADS, losses, strict=True)))
            if losses[1] == 0.0:
                ratios, last = (np.array(variable) for variable in balancer.variables())
                np.testing.assert_allclose(ratios, [0.5, 0.9, 0.5])
                np.testing.assert_allclose(last, [0.25, 1.8, 1.0])
        # 0.9 after 1.8, the last that it had.
        np.testing.assert_allclose(weights_of(balancer), 1.0, rtol=1e-6)


def order_of(*rows):
    return np.int32(rows)


def pcgrad(gradients, order):
    """Algorithm 1 of the paper, on vectors."""
    done = []
    for i, gradient in enumerate(gradients):
        projected_gradient = gradient.copy()
        for j in order[i]:
            dot = projected_gradient @ gradients[j]
            if j != i and dot < 0:
                projected_gradient -= dot / (gradients[j] @ gradients[j]) * gradients[j]
        done.append(projected_gradient)
    return np.sum(done, axis=0)


class TestPCGrad:
    def project(self, gradients, order):
        gradients = np.float32(gradients)
        return np.array(keras.ops.matmul(projected(gradients @ gradients.T, order), gradients))

    def test_golden_value(self):
        projected_sum = self.project([[-4, 1, 1], [6, 1, 1]], order_of([0, 1], [1, 0]))
        np.testing.assert_allclose(projected_sum, [0.5848, 3.8012, 3.8012], atol=1e-4)

    def test_gradients_that_agree_are_added_up(self):
        assert self.project([[1, 2], [2, 2]], order_of([0, 1], [1, 0])).tolist() == [3.0, 4.0]

    def test_many_heads_in_any_order_follow_the_paper(self):
        rng = np.random.default_rng(0)
        differ = 0
        for _ in range(20):
            gradients = rng.normal(size=(5, 4))
            orders = [np.array([rng.permutation(5) for _ in range(5)], np.int32) for _ in range(2)]
            sums = [self.project(gradients, order) for order in orders]
            for order, result in zip(orders, sums, strict=True):
                np.testing.assert_allclose(result, pcgrad(gradients, order), rtol=1e-3, atol=1e-4)
            differ += not np.allclose(*sums, atol=1e-3)
        assert differ > 0

    def test_a_head_without_a_gradient_takes_no_part(self):
        gradients, others = [[-4, 1, 1], [0, 0, 0], [6, 1, 1]], [[-4, 1, 1], [6, 1, 1]]
        with_it = self.project(gradients, order_of([0, 1, 2], [2, 0, 1], [1, 0, 2]))
        np.testing.assert_allclose(with_it, self.project(others, order_of([0, 1], [1, 0])), rtol=1e-5)
