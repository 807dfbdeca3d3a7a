"""Real rows for runs of a whole pipeline."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.datasets import make_dataset


@pytest.fixture(scope="module")
def flights_sample(tmp_path_factory):
    """Makes a folder of real flights, every one of a regular sample over the year, in two files."""

    def made(num_rows):
        folder = tmp_path_factory.mktemp("data")
        table = pq.read_table(make_dataset("flights", folder / "all").path)
        table = table.take(np.linspace(0, table.num_rows - 1, num_rows).astype(int))
        (folder / "sample").mkdir()
        for i, half in enumerate((table.slice(0, num_rows // 2), table.slice(num_rows // 2))):
            pq.write_table(half, folder / "sample" / f"{i}.parquet")
        return folder / "sample"

    return made
