"""Distances against scipy and TensorFlow Data Validation on the same counts, and what chance explains."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from components.data_gate.drift import distance
from components.data_gate.drift.bins import common
from components.data_gate.drift.counts import Counts

SAMPLES = [
    ([10, 20, 30, 40], [40, 30, 20, 10]),
    ([1, 0, 0, 99], [0, 50, 50, 0]),
    ([5, 5, 5], [500, 500, 500]),
    ([1000, 1, 1], [1, 0, 1000]),
]
EDGES = [0.0, 1.0, 2.5, 4.0, 10.0]


def statistics(rows, fill):
    """TensorFlow Data Validation's statistics of one column, `x`."""
    from tensorflow_metadata.proto.v0 import statistics_pb2

    found = statistics_pb2.DatasetFeatureStatisticsList()
    dataset = found.datasets.add(num_examples=sum(rows))
    feature = dataset.features.add()
    feature.path.step.append("x")
    fill(feature, rows)
    kind = feature.WhichOneof("stats")
    common_stats = getattr(feature, kind).common_stats
    common_stats.num_non_missing = common_stats.tot_num_values = sum(rows)
    common_stats.min_num_values = common_stats.max_num_values = 1
    return found


def numbers(feature, rows):
    feature.type = feature.FLOAT
    histogram = feature.num_stats.histograms.add(type="STANDARD")
    for low, high, count in zip(EDGES, EDGES[1:], rows, strict=False):
        histogram.buckets.add(low_value=low, high_value=high, sample_count=count)


def texts(feature, rows):
    feature.type = feature.STRING
    for i, count in enumerate(rows):
        feature.string_stats.rank_histogram.buckets.add(label=f"value {i}", sample_count=count)


def of_tfdv(newest, reference, schema, fill):
    """The distance that TensorFlow Data Validation measures."""
    import tensorflow_data_validation as tfdv
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    anomalies = tfdv.validate_statistics(
        statistics(newest, fill),
        text_format.Parse(schema, schema_pb2.Schema()),
        previous_statistics=statistics(reference, fill),
    )
    [info] = anomalies.drift_skew_info
    [measured] = info.drift_measurements
    return measured.value


@pytest.mark.parametrize(("newest", "reference"), SAMPLES)
def test_jensen_shannon_is_that_of_scipy_and_of_tfdv(newest, reference):
    found = distance.jensen_shannon(np.array(newest), np.array(reference))
    assert found == pytest.approx(jensenshannon(newest, reference, base=2) ** 2, abs=1e-9)
    schema = 'feature { name: "x" type: FLOAT drift_comparator { jensen_shannon_divergence { threshold: 0.1 } } }'
    assert found == pytest.approx(of_tfdv(newest, reference, schema, numbers), abs=1e-6)


@pytest.mark.parametrize(("newest", "reference"), SAMPLES)
def test_l_infinity_is_that_of_tfdv(newest, reference):
    schema = 'feature { name: "x" type: BYTES drift_comparator { infinity_norm { threshold: 0.01 } } }'
    expected = of_tfdv(newest, reference, schema, texts)
    assert distance.l_infinity(np.array(newest), np.array(reference)) == pytest.approx(expected, abs=1e-6)


def test_bounds():
    apart = np.array([5, 0]), np.array([0, 7])
    assert distance.jensen_shannon(*apart) == distance.l_infinity(*apart) == 1
    alike = np.array([1, 3]), np.array([20, 60])
    assert distance.jensen_shannon(*alike) == distance.l_infinity(*alike) == 0


def test_a_normal_distribution_reaches_the_default_when_it_moves_by_three_quarters_of_its_deviation():
    from schema.drift import MAX_JENSEN_SHANNON

    places = np.linspace(-8, 8, 4001)
    here, there = (np.exp(-((places - at) ** 2) / 2) for at in (0, 0.75))
    assert distance.jensen_shannon(here, there) == pytest.approx(MAX_JENSEN_SHANNON, abs=0.01)


def counted(values):
    found, counts = np.unique(values, return_counts=True)
    return Counts(len(values), len(values), len(values), found, counts)


@pytest.mark.parametrize("sizes", [(2, 2), (5, 2000), (30, 30), (100, 5000), (1000, 1000)])
def test_chance_explains_what_samples_of_one_distribution_differ_by(sizes):
    newest_rows, reference_rows = sizes
    shares = np.array([0.5, 0.2, 0.1, *[0.004] * 50])
    for seed in range(200):
        random = np.random.default_rng(seed)
        newest, reference = counted(random.normal(size=newest_rows)), counted(random.normal(size=reference_rows))
        bins = common(newest, reference, "number")
        a, b = bins.of(newest), bins.of(reference)
        assert distance.jensen_shannon(a, b) <= distance.divergence_noise(len(a), *sizes)
        a, b = random.multinomial(newest_rows, shares), random.multinomial(reference_rows, shares)
        together = (a + b) / sum(sizes)
        assert distance.l_infinity(a, b) <= distance.share_noise(together, *sizes, len(shares))


@pytest.mark.parametrize("rows", [3, 30, 1000])
def test_chance_explains_how_many_rows_come(rows):
    for seed in range(200):
        a, b = np.random.default_rng(seed).poisson(rows, 2) + 1
        assert max(a / b, b / a) <= distance.ratio_noise(a, b)


def test_more_rows_leave_less_to_chance():
    for noise in (lambda n: distance.divergence_noise(10, n, n), lambda n: distance.share_noise(0.5, n, n)):
        found = [noise(n) for n in (10, 100, 1000, 100_000)]
        assert found == sorted(found, reverse=True)
        assert found[0] > 1 > found[1] > 0.11 > found[2]
    assert distance.ratio_noise(1, 10) > 10
    assert distance.ratio_noise(1000, 1000) < 1.3
