"""Options of `make chaos`, and a line for everything that happens in its minutes."""

import random

import pytest


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, default=None, help="Of the moments of the kills; another one each time.")
    parser.addoption("--kills", type=int, default=20, help="How many there are.")


@pytest.fixture(scope="session")
def num_kills(request):
    return request.config.getoption("kills")


@pytest.fixture(scope="session")
def moments(request, say, num_kills):
    """The source of all that is random."""
    given = request.config.getoption("seed")
    seed = random.SystemRandom().randrange(10**6) if given is None else given
    say(f'\nseed {seed}; the same again: make chaos ARGS="--seed {seed} --kills {num_kills}"')
    return random.Random(seed)
