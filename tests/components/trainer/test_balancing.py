import numpy as np
import pytest

from components.trainer.balancing.scale import entropy, scales


@pytest.mark.parametrize(
    ("shares", "nats"),
    [([0.5, 0.5], np.log(2)), ([0.25] * 4, np.log(4)), ([0.9, 0.1], 0.325083), ([1.0, 0.0], 0.0)],
)
def test_entropy_is_in_nats(shares, nats):
    assert nats == pytest.approx(entropy(np.array(shares)), abs=1e-6)


def test_fixed_weights_are_the_tasks_over_the_entropy_of_the_prior():
    priors = {"even": np.array([0.5, 0.5]), "many": np.full(8, 1 / 8)}
    weights = scales({"even": 1.0, "many": 3.0}, priors)
    assert {"even": 1 / np.log(2), "many": 3 / np.log(8)} == pytest.approx(weights)


def test_every_head_starts_at_its_own_weight_whatever_its_classes():
    # The loss of the prior is its entropy: w L / H = w.
    priors = {"rare": np.array([0.98, 0.02]), "even": np.array([0.2] * 5)}
    weights = scales({"rare": 2.0, "even": 0.5}, priors)
    start = {head: weights[head] * entropy(prior) for head, prior in priors.items()}
    assert start == pytest.approx({"rare": 2.0, "even": 0.5})


def test_a_head_of_one_class_is_not_scaled_without_bound():
    assert scales({"h": 1.0}, {"h": np.array([1.0, 0.0])}) == pytest.approx({"h": 100.0})
