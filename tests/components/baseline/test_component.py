import pytest
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from components.baseline.component import Baseline, Executor


@pytest.fixture
def provide(tmp_path):
    """Runs the executor; returns the model artifact's folder."""

    def run(version):
        model = standard_artifacts.Model()
        model.uri = str(tmp_path / "artifact")
        Executor().Do({}, {"model": [model]}, {"version": version})
        return tmp_path / "artifact"

    return run


def test_the_served_version_is_handed_on_where_the_evaluator_looks(provide, tmp_path):
    version = tmp_path / "serving" / "3"
    (version / "variables").mkdir(parents=True)
    (version / "saved_model.pb").write_bytes(b"graph")
    (version / "variables" / "variables.index").write_bytes(b"weights")
    folder = provide(str(version))
    serving = folder / "Format-Serving"
    assert str(serving) == path_utils.serving_model_path(str(folder))
    copied = {str(file.relative_to(serving)): file.read_bytes() for file in serving.rglob("*") if file.is_file()}
    assert copied == {"saved_model.pb": b"graph", "variables/variables.index": b"weights"}
    assert (version / "saved_model.pb").exists()


def test_a_cold_start_hands_on_an_empty_folder(provide):
    folder = provide("")
    assert folder.is_dir()
    assert list(folder.iterdir()) == []


def test_a_version_that_is_gone_is_an_error(provide, tmp_path):
    with pytest.raises(FileNotFoundError):
        provide(str(tmp_path / "gone"))


def test_the_version_is_part_of_what_the_cache_compares():
    assert Baseline(version="a", identity="1").exec_properties["version"] == "a"
