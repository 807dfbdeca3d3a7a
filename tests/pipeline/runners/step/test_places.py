import pytest

from pipeline.runners.step.places import Places, local_path
from schema.errors import StepError


@pytest.mark.parametrize(
    ("artifact", "path"),
    [
        ({"uri": "minio://mlpipeline/v2/x"}, "/minio/mlpipeline/v2/x"),
        ({"uri": "s3://bucket/x"}, "/s3/bucket/x"),
        ({"uri": "gs://bucket/x"}, "/gcs/bucket/x"),
        ({"uri": "/local/x"}, "/local/x"),  # As by kfp.local.
        ({"uri": "s3://bucket/x", "customPath": "/mine"}, "/mine"),
    ],
)
def test_a_path_is_the_launchers(artifact, path):
    assert local_path("model", artifact) == path


@pytest.mark.parametrize("uri", ["oci://registry/model", "hdfs://x/y", "relative/path", ""])
def test_a_uri_that_no_launcher_knows_is_an_error_with_key_and_uri(uri):
    with pytest.raises(StepError, match=f"model: {uri or 'no URI'}: "):
        local_path("model", {"uri": uri})


def test_paths_of_a_steps_artifacts_become_uris_again():
    places = Places([("a", {"uri": "minio://b/model"}), ("b", {"uri": "s3://b/x", "customPath": "/mine"})])
    assert places.uri("/minio/b/model") == "minio://b/model"
    assert places.uri("/minio/b/model/Format-Serving") == "minio://b/model/Format-Serving"
    assert places.uri("/mine/file") == "s3://b/x/file"


@pytest.mark.parametrize("text", ["/minio/b/models", "/minio/other", "minio://b/model", "words", "/serving/3", ""])
def test_any_other_text_stays(text):
    assert Places([("a", {"uri": "minio://b/model"})]).uri(text) == text
