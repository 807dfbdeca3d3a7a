"""The list of applications against Keras itself."""

import inspect

import keras
import pytest

from schema.applications import APPLICATIONS


def test_every_model_of_keras_is_listed_once():
    models = {name for name, value in vars(keras.applications).items() if inspect.isfunction(value)}
    listed = [application.class_name for application in APPLICATIONS.values()]
    assert models == set(listed)
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("name", APPLICATIONS)
def test_preprocessing_is_that_of_the_module_where_keras_keeps_the_model(name):
    application = APPLICATIONS[name]
    make = getattr(keras.applications, application.class_name)
    assert make.__module__.rpartition(".")[2] == application.module
    assert callable(getattr(keras.applications, application.module).preprocess_input)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_images_below_the_least_size_are_refused_by_keras_too(name):
    application = APPLICATIONS[name]
    make, size = getattr(keras.applications, application.class_name), application.min_size - 1
    with pytest.raises(ValueError, match=f"must be at least {application.min_size}x{application.min_size}"):
        make(include_top=False, weights=None, input_shape=(size, size, 3))
