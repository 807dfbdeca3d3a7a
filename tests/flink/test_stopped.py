"""Data that contradict the schema are found on the cluster, and nothing else is done there."""

import pyarrow.parquet as pq


def test_data_without_a_column_stop_the_run(cluster, begin, sample, tmp_path):
    for file in sample.glob("*.parquet"):
        pq.write_table(pq.read_table(file).drop(["distance"]), tmp_path / file.name)
    run = begin("data without a column", "stopped", data=tmp_path).finish()
    assert run.code == 3, run.said
    assert "column 'distance'" in run.said
    assert [(job.stage, job.state) for job in run.jobs] == [("ExampleGen", "FINISHED"), ("StatisticsGen", "FINISHED")]
    assert all(sum(job.records.values()) for job in run.jobs)
