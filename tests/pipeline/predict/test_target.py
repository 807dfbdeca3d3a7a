"""Where predictions may go."""

import pytest

from pipeline.predict.target import Target
from schema.errors import UserError


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("output", "is_file", "rejected"),
    [
        ("out.parquet", True, "out.rejected.parquet"),
        ("out", False, "out.rejected.parquet"),
        ("2024.01", False, "2024.01.rejected.parquet"),
    ],
)
def test_names(tmp_path, data, output, is_file, rejected):
    target = Target(tmp_path / output)
    target.check(data)
    assert (is_file, tmp_path / rejected) == (target.is_file, target.rejected)


@pytest.mark.parametrize("output", ["data/out.parquet", "data", "data/deep/out", "data/../data/out.parquet"])
def test_not_inside_the_data(tmp_path, data, output):
    with pytest.raises(UserError, match="lies in the data"):
        Target(tmp_path / output).check(data)


@pytest.mark.parametrize("name", ["out.parquet", "out.rejected.parquet"])
def test_not_over_the_data(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(UserError, match=f"{name}: lies in the data"):
        Target(tmp_path / "out.parquet").check(tmp_path / name)


def test_beside_the_data_is_fine(tmp_path, data):
    (data / "rows.parquet").write_bytes(b"")
    Target(data / "out.parquet").check(data / "rows.parquet")


def test_what_is_there(tmp_path, data):
    (tmp_path / "out.parquet").write_bytes(b"")
    Target(tmp_path / "out.parquet").check(data)
    (tmp_path / "empty").mkdir()
    Target(tmp_path / "empty").check(data)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "part-000000.parquet").write_bytes(b"")
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder.parquet").mkdir()
    for name, why in {"full": "is not empty", "file": "is a file", "folder.parquet": "is a folder"}.items():
        with pytest.raises(UserError, match=why):
            Target(tmp_path / name).check(data)


def test_the_folder_beside_is_gone_whatever_happens(tmp_path):
    target = Target(tmp_path / "deep" / "out.parquet")
    with target.beside() as folder:
        assert folder.parent == tmp_path / "deep"
    with pytest.raises(ZeroDivisionError), target.beside() as folder:
        raise ZeroDivisionError
    assert list((tmp_path / "deep").iterdir()) == []
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match="file/out: cannot be written"), Target(tmp_path / "file" / "out").beside():
        pass
