"""One file per feature type; a new type is one file and one line here."""

from components.transform.features import categorical, numeric

TRANSFORMS = {
    "numeric": numeric.transform,
    "categorical": categorical.transform,
}
