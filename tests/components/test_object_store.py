"""Where a store is, and who asks: from the environment."""

import os
import subprocess
import sys

# fsspec reads its variables when it is imported.
LIST = "import sys; from components.object_store import connect; store, root = connect(sys.argv[1]); store.find(root)"


def test_variables_of_fsspec_are_for_us_alone(s3, bucket, s3_server):
    """Kubeflow's launcher, which runs in the same container, reads those of AWS for its own store."""
    s3.pipe_file(f"{bucket}/rows.csv", b"x\n1\n")
    for_others = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "launcher"}
    ours = {"ENDPOINT_URL": s3_server, "KEY": "user", "SECRET": "secret"}

    def list_with(env):
        command = [sys.executable, "-c", LIST, bucket]
        return subprocess.run(command, env={**os.environ, **for_others, **env}, capture_output=True, check=False)

    assert list_with({}).returncode != 0
    done = list_with({f"FSSPEC_S3_{name}": value for name, value in ours.items()})
    assert done.returncode == 0, done.stderr.decode()
