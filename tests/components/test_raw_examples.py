"""The first rows of a folder, in the order of its files."""


def test_the_first_rows_of_all_files(tmp_path):
    import tensorflow as tf

    from components import raw_examples

    for name, count in {"b": 30, "a": 5}.items():
        with tf.io.TFRecordWriter(str(tmp_path / name), "GZIP") as writer:
            for i in range(count):
                writer.write(f"{name}{i}".encode())
    found = raw_examples.first(str(tmp_path))
    assert found[:6] == [b"a0", b"a1", b"a2", b"a3", b"a4", b"b0"]
    assert found[-1] == b"b26"
    assert len(found) == raw_examples.NUM_ROWS


def test_there_is_nothing_wrong_with_no_rows():
    from components import raw_examples
    from components.exported import ExportedFeature

    assert raw_examples.problem([], {"photo": ExportedFeature("image", "BYTES")}) is None
