"""Gates that nothing could pass, that could refuse nothing, or that look at rows that cannot be."""

import pytest

from schema.contract import load_contract
from schema.problems import TaskError


def problems(folder, *overrides):
    """Returns what is wrong with a task, key and sentence."""
    with pytest.raises(TaskError) as error:
        load_contract(folder, overrides)
    return [(problem.key, problem.message) for problem in error.value.problems]


class TestBounds:
    @pytest.mark.parametrize("key", ["min", "max"])
    @pytest.mark.parametrize("bound", [-0.01, 1.5, -3, 7])
    @pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "auc", "macro_f1", "ece"])
    def test_a_share_is_from_0_to_1(self, write_task, metric, key, bound):
        found = problems(write_task(), f"gates.size=[{{metric: {metric}, {key}: {bound}}}]")
        assert found == [(f"gates.size.0.{key}", f"{metric} is from 0 to 1, got {bound}")]

    @pytest.mark.parametrize("metric", ["exact_match", "hamming_loss", "label_consistency"])
    def test_over_all_heads_too(self, write_task, metric):
        found = problems(write_task(), f"gates.joint=[{{metric: {metric}, max: 100}}]")
        assert found == [("gates.joint.0.max", f"{metric} is from 0 to 1, got 100")]

    @pytest.mark.parametrize(("key", "bound"), [("max", -1), ("min", 16.2), ("max", 100)])
    def test_a_log_loss_may_be_larger(self, write_task, key, bound):
        assert load_contract(write_task(), ["gates.size=[{metric: log_loss, max: 16}]"])
        found = problems(write_task(), f"gates.size=[{{metric: log_loss, {key}: {bound}}}]")
        assert found == [(f"gates.size.0.{key}", f"log_loss is from 0 to 16.118, got {bound}")]

    @pytest.mark.parametrize(("metric", "largest"), [("auc", "1"), ("log_loss", "16.118")])
    def test_nothing_can_drop_by_more_than_there_is(self, write_task, metric, largest):
        found = problems(write_task(), f"gates.size=[{{metric: {metric}, max_drop: 17}}]")
        assert found == [("gates.size.0.max_drop", f"a drop of {metric} is from 0 to {largest}, got 17")]

    @pytest.mark.parametrize("bound", [0, 1, 0.0, 1.0])
    def test_the_ends_are_allowed(self, write_task, bound):
        for key in ("min", "max", "max_drop"):
            assert load_contract(write_task(), [f"gates.size=[{{metric: auc, {key}: {bound}}}]"])

    @pytest.mark.parametrize("bound", ["'1.5'", "true", ".inf", "-.inf", ".nan", "[2]"])
    def test_what_is_no_number_is_one_problem(self, write_task, bound):
        [(key, _)] = problems(write_task(), f"gates.size=[{{metric: auc, min: {bound}}}]")
        assert key == "gates.size.0.min"

    def test_a_min_above_the_max(self, write_task):
        found = problems(write_task(), "gates.size=[{metric: auc, min: 0.9, max: 0.8}]")
        assert found == [("gates.size.0", "min 0.9 is above max 0.8: nothing could pass")]


class TestSliceValues:
    @pytest.fixture
    def folder(self, write_task, toy_schema):
        """The toy task, whose column `year` has an int_domain, and one more, `code`, a domain of numbers as texts."""
        domain = '"year" type: INT int_domain { min: 2010 max: 2019 }'
        code = 'feature { name: "code" type: BYTES string_domain { value: "1" value: "20" } }\n'
        return write_task(pbtxt=toy_schema.replace('"year" type: INT', domain) + code)

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ("{amount: cheap}", "'cheap' is not a number, as every value of 'amount' is in schema.pbtxt"),
            ("{amount: '12.5'}", "'12.5' is not a number, as every value of 'amount' is in schema.pbtxt"),
            ("{year: 2009}", "2009 is below the least value of 'year' in schema.pbtxt, 2010"),
            ("{year: 2020.0}", "2020.0 is above the largest value of 'year' in schema.pbtxt, 2019"),
            ("{year: MMXIII}", "'MMXIII' is not an integer, as every value of 'year' is in schema.pbtxt"),
            ("{colour: redd}", "'redd' is not a value of 'colour'"),
            ("{code: 2}", "'2' is not a value of 'code'"),
        ],
    )
    def test_that_no_row_has(self, folder, given, message):
        [column] = [name for name in ("amount", "year", "colour", "code") if name in given]
        assert problems(folder, f"gates.kind.0.slice={given}") == [(f"gates.kind.0.slice.{column}", message)]

    def test_the_nearest_is_named(self, folder):
        with pytest.raises(TaskError, match="allowed: red, green, blue; did you mean 'red'"):
            load_contract(folder, ["gates.kind.0.slice.colour=redd"])

    @pytest.mark.parametrize(
        "given", ["{amount: 12.5}", "{amount: 12}", "{year: 2010}", "{year: 2019.0}", "{code: 20}", "{code: '1'}"]
    )
    def test_that_rows_may_have(self, folder, given):
        assert load_contract(folder, [f"gates.kind.0.slice={given}"])

    @pytest.mark.parametrize(("domain", "value"), [("min: 2010", 2009), ("max: 2019", 2020)])
    def test_a_domain_with_one_end(self, write_task, toy_schema, domain, value):
        folder = write_task(pbtxt=toy_schema.replace("type: INT", f"type: INT int_domain {{ {domain} }}"))
        assert load_contract(folder, [f"gates.kind.0.slice={{year: {4029 - value}}}"])
        assert len(problems(folder, f"gates.kind.0.slice={{year: {value}}}")) == 1
