"""Requests that wait together are answered together, and each gets its own answers."""

import concurrent.futures
import threading

import numpy as np
import pytest

from pipeline.serve.batching import Batcher
from pipeline.serve.protocol import Request
from schema.errors import DataError


class Model:
    """Answers twice the amount, refuses negative ones, and keeps what it is asked; waits while `gate` is closed."""

    def __init__(self):
        self.asked, self.gate, self.is_busy = [], threading.Event(), threading.Event()
        self.gate.set()

    def predict(self, columns):
        self.is_busy.set()
        self.gate.wait(60)
        self.asked.append(columns["amount"].tolist())
        if min(self.asked[-1]) < 0:
            raise DataError("less than nothing")
        if max(self.asked[-1]) > 100:
            raise ZeroDivisionError("a surprise")
        return {"twice": columns["amount"] * 2}

    def predict_examples(self, serialized):
        self.asked.append(serialized)
        return {"twice": np.array([2 * example for example in serialized], object)}


def request(*amounts):
    return Request("serving_default", False, {"amount": np.array(amounts)}, len(amounts))


@pytest.fixture
def batcher():
    batcher = Batcher(max_rows=5)
    yield batcher
    batcher.close()


@pytest.fixture
def ask_together(batcher, wait_until):
    """Asks while the model is busy with a row of 0; returns answers, or what was raised."""

    def ask(*asked):
        busy = asked[0][0]
        busy.gate.clear()
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            first = pool.submit(batcher.ask, busy, request(0))
            busy.is_busy.wait(60)
            waiting = []
            for model, one in asked:
                waiting.append(pool.submit(batcher.ask, model, one))
                wait_until(lambda: len(batcher._waiting) == len(waiting))
            busy.gate.set()
            first.result(60)
            return [one.exception(60) or one.result()["twice"].tolist() for one in waiting]

    return ask


def test_one(batcher):
    assert batcher.ask(Model(), request(1, 2))["twice"].tolist() == [2, 4]


def test_those_that_wait_are_answered_together(ask_together):
    model = Model()
    assert ask_together((model, request(1)), (model, request(2, 3)), (model, request(4))) == [[2], [4, 6], [8]]
    assert model.asked == [[0], [1, 2, 3, 4]]


def test_as_many_rows_as_are_allowed(ask_together):
    model = Model()
    answers = ask_together((model, request(1, 2)), (model, request(3, 4, 5)), (model, request(6)))
    assert answers == [[2, 4], [6, 8, 10], [12]]
    assert model.asked == [[0], [1, 2, 3, 4, 5], [6]]


def test_a_single_request_may_be_longer(batcher):
    assert len(batcher.ask(Model(), request(*range(9)))["twice"]) == 9


def test_models_and_signatures_are_kept_apart(ask_together):
    old, new = Model(), Model()
    example = Request("serving_tf_example", False, {"examples": np.array([b"a"], object)}, 1)
    asked = ((old, request(1)), (new, request(2)), (new, example), (new, request(3)))
    assert ask_together(*asked) == [[2], [4], [b"aa"], [6]]
    assert (old.asked, new.asked) == ([[0], [1]], [[2], [b"a"], [3]])


def test_a_bad_row_spoils_its_own_request_only(ask_together):
    model = Model()
    good, bad, other = ask_together((model, request(1)), (model, request(-1, 2)), (model, request(3)))
    assert (good, other) == ([2], [6])
    assert isinstance(bad, DataError)


def test_a_surprise_reaches_everybody_and_the_next_are_answered(ask_together, batcher):
    model = Model()
    answers = ask_together((model, request(1)), (model, request(101)))
    assert [type(answer) for answer in answers] == [ZeroDivisionError] * 2
    assert batcher.ask(model, request(1))["twice"].tolist() == [2]
