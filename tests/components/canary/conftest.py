"""Raw examples of `test` as ExampleGen writes them, and the toy model's description of itself."""

import pytest


@pytest.fixture(scope="session")
def examples_folder(sample, tmp_path_factory):
    """An Examples artifact's folder whose only split is `test`."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("examples") / "Split-test"
    folder.mkdir()
    with tf.io.TFRecordWriter(str(folder / "data_tfrecord-00000-of-00001.gz"), "GZIP") as writer:
        for record in sample.serialize(sample.draw(40)):
            writer.write(record)
    return folder.parent


@pytest.fixture(scope="session")
def told(exported):
    """What the toy model says of itself."""
    from components.exported import read_exported

    return read_exported(exported / "Format-Serving")
