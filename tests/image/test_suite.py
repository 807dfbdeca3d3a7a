"""The test suite of the repository, in the image's lane: Python 3.13 and TFX 1.21 on Debian 13."""


def test_the_suite_passes_in_the_image_lane(suite):
    code, log = suite.wait()
    assert code == 0, log[-6000:]
    assert " passed" in suite.closing
