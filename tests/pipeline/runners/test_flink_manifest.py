"""deploy/flink/kubernetes.yaml: what it says hangs together, and is what containers on one machine get."""

from pathlib import Path

import pytest
import yaml

FOLDER = Path(__file__).parents[3] / "deploy" / "flink"


@pytest.fixture(scope="module")
def documents():
    return {document["kind"]: document for document in yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text())}


@pytest.fixture(scope="module", params=["jobManager", "taskManager"])
def pod(documents, request):
    return documents["FlinkDeployment"]["spec"][request.param]["podTemplate"]["spec"]


def flat(settings, path=""):
    """Settings by their whole names, as text."""
    for name, value in settings.items():
        whole = f"{path}.{name}" if path else name
        if isinstance(value, dict):
            yield from flat(value, whole)
        else:
            yield whole, str(value)


def test_flink_is_set_as_in_containers(documents):
    containers = dict(flat(yaml.safe_load((FOLDER / "config.yaml").read_text())))
    there = documents["FlinkDeployment"]["spec"]["flinkConfiguration"]
    assert there
    for name, value in there.items():
        assert containers[name] == value, name


def test_every_volume_that_is_mounted_is_there(pod):
    volumes = {volume["name"] for volume in pod["volumes"]}
    mounted = [
        mount["name"] for part in (*pod["initContainers"], *pod["containers"]) for mount in part.get("volumeMounts", [])
    ]
    assert set(mounted) == volumes


def test_every_taskmanager_has_beams_runner_and_a_pool_beside_it(documents):
    pod = documents["FlinkDeployment"]["spec"]["taskManager"]["podTemplate"]["spec"]
    flink, workers = pod["containers"]
    assert flink["volumeMounts"][0]["mountPath"].startswith("/opt/flink/lib/")
    profile = yaml.safe_load((FOLDER / "profile.yaml").read_text())["all"]["beam"]
    assert workers["command"][-2:] == ["--port", profile["environment_config"].rpartition(":")[2]]


def test_the_service_names_the_job_servers_ports(documents):
    [server] = [
        part
        for part in documents["FlinkDeployment"]["spec"]["jobManager"]["podTemplate"]["spec"]["containers"]
        if part["name"] == "job-server"
    ]
    ports = {port["name"]: port["containerPort"] for port in server["ports"]}
    assert {port["name"]: port["port"] for port in documents["Service"]["spec"]["ports"]} == ports
