"""Derived names: raw columns, transformed columns and signature outputs never meet."""

from schema import names


def test_columns_after_transform():
    assert list(names.derived(["hour"], ["late"])) == [
        ("hour_xf", "hour"),
        ("hour_missing", "hour"),
        ("hour_position", "hour"),
        ("late_label", "late"),
        ("late_labelled", "late"),
        ("late_class_weight", "late"),
    ]


def test_derived_names_are_those_of_the_functions():
    derived = dict(names.derived(["f"], ["h"]))
    of_feature = {names.transformed("f"), names.missing("f"), names.position("f")}
    of_head = {names.label("h"), names.labelled("h"), names.class_weight("h")}
    assert of_feature | of_head == set(derived)


def test_no_two_features_or_heads_share_a_derived_name():
    # Names that are each other's beginnings: the likeliest to meet.
    features = ["a", "a_b", "a_x", "a_miss", "a_label", "a_class"]
    heads = ["h", "h_label", "h_class", "h_class_weigh", "a_xf_h", "h_x"]
    derived = [name for name, _ in names.derived(features, heads)]
    assert sorted(set(derived)) == sorted(derived)


def test_signature_outputs_of_a_head():
    assert (
        names.scores("late"),
        names.classes("late"),
        names.decided("late"),
        names.decided_tags("late"),
        names.uncalibrated("late"),
    ) == ("late/scores", "late/classes", "late/label", "late/labels", "late/uncalibrated")


def test_splits_stay_in_this_order():
    # Their positions are what ExampleGen assigns rows to, and so part of which row is in which split.
    assert names.SPLITS == ("train", "eval", "test")
