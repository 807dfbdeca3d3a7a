"""Image columns through TensorFlow Transform."""

from schema.features import ImageFeature


def test_encoded_bytes_pass_as_they_are_and_missing_ones_are_empty(learn):
    output, transform = learn({"photo": ImageFeature(type="image", shape=(8, 8, 3))}, {"photo": [b"\x89PNG\x00\xff"]})
    assert transform(photo=[b"\x00\xffany", None, b""])["photo_xf"].tolist() == [b"\x00\xffany", b"", b""]
    assert transform(photo=[None])["photo_xf"].tolist() == [b""]
    assert output.transformed_feature_spec()["photo_xf"].shape == []
