"""The models of keras.applications by their name in task.yaml; a test compares the list with Keras."""

from __future__ import annotations

from typing import NamedTuple


class Application(NamedTuple):
    """Where Keras keeps a model.

    Attributes:
        class_name: Of the model, in keras.applications.
        module: Of its `preprocess_input`, in keras.applications.
        min_size: Least height and width without top, pixels.
    """

    class_name: str
    module: str
    min_size: int = 32


_KERAS = (
    ("convnext", "ConvNeXt", "convnext", ("Tiny", "Small", "Base", "Large", "XLarge")),
    ("densenet", "DenseNet", "densenet", ("121", "169", "201")),
    ("efficientnet", "EfficientNet", "efficientnet", ("B0", "B1", "B2", "B3", "B4", "B5", "B6", "B7")),
    ("efficientnet_v2", "EfficientNetV2", "efficientnet_v2", ("B0", "B1", "B2", "B3", "S", "M", "L")),
    ("mobilenet_v3", "MobileNetV3", "mobilenet_v3", ("Small", "Large")),
    ("nasnet", "NASNet", "nasnet", ("Mobile", "Large")),
)

# Of an encoder's `weights`: whatever else it says is a file.
BUILT_IN_WEIGHTS = ("imagenet", "none")

APPLICATIONS: dict[str, Application] = {
    **{
        f"{family}{'' if size[0].isdigit() else '_'}{size.lower()}": Application(f"{prefix}{size}", module)
        for family, prefix, module, sizes in _KERAS
        for size in sizes
    },
    "inception_resnet_v2": Application("InceptionResNetV2", "inception_resnet_v2", 75),
    "inception_v3": Application("InceptionV3", "inception_v3", 75),
    "mobilenet": Application("MobileNet", "mobilenet"),
    "mobilenet_v2": Application("MobileNetV2", "mobilenet_v2"),
    "resnet50": Application("ResNet50", "resnet"),
    "resnet101": Application("ResNet101", "resnet"),
    "resnet152": Application("ResNet152", "resnet"),
    "resnet50_v2": Application("ResNet50V2", "resnet_v2"),
    "resnet101_v2": Application("ResNet101V2", "resnet_v2"),
    "resnet152_v2": Application("ResNet152V2", "resnet_v2"),
    "vgg16": Application("VGG16", "vgg16"),
    "vgg19": Application("VGG19", "vgg19"),
    "xception": Application("Xception", "xception", 71),
}
