"""The same compiled file through `kfp.local.DockerRunner`, a stranger's double, from an environment of its own."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
# Needs another protobuf than TFX 1.16; docker is what its runner imports.
PACKAGES = ("kfp==2.17.3", "docker==7.2.0")


@pytest.fixture(scope="session")
def environment():
    """An environment with the kfp package, kept in .tools; returns its Python."""
    folder = REPOSITORY / ".tools/kfp"
    python = folder / "bin/python"
    uv = subprocess.run(["sh", "deploy/setup.sh", "uv"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    make = [uv.stdout.strip(), "venv", "--quiet", "--allow-existing", "--python", str(Path(".venv/bin/python")), folder]
    install = [uv.stdout.strip(), "pip", "install", "--quiet", "--python", python, *PACKAGES]
    for command in (make, install):
        subprocess.run(command, cwd=REPOSITORY, check=True)
    return python


@pytest.fixture(scope="session")
def root(tmp_path_factory, place):
    """The pipeline root, the only folder that its containers see: data and served models are in it, too."""
    folder = tmp_path_factory.mktemp("kfp_local")
    (folder / "data").mkdir()
    shutil.copy(place.data, folder / "data")
    folder.chmod(0o777)
    return folder


@pytest.fixture(scope="session")
def finished(environment, compile_flights, image, root, say):
    # It knows images by tags alone.
    file = compile_flights("kfp_local", data=root / "data" / "flights.parquet", image=image)
    script = Path(__file__).with_name("kfp_local.py")
    log = root / "log.txt"
    with log.open("w") as out:
        done = subprocess.run(
            [environment, script, file, root, f"serving={root}/served"],
            stdout=out,
            stderr=subprocess.STDOUT,
            check=False,
        )
    for line in re.sub(r"\x1b\[[0-9;]*m", "", log.read_text()).splitlines():  # Without colours.
        if "finished with status" in line:
            say(f"kfp.local: {line.strip()}")
    assert done.returncode == 0, log.read_text()[-3000:]
    return root


def test_the_whole_graph_runs_to_a_pushed_model(finished):
    pointer = json.loads((finished / "served/blessed.json").read_text())
    assert pointer
    assert (finished / "served/1/saved_model.pb").exists()
