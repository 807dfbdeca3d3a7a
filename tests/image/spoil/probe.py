"""Two small stages that use all that a stage may: what flights leaves out, some other pipeline does not."""

from pathlib import Path

from tfx.dsl.components.base import base_executor


class Make(base_executor.BaseExecutor):
    """Writes a file, an empty folder and metadata of all kinds."""

    def Do(self, inputs, outputs, properties):
        [made] = outputs["made"]
        folder = Path(made.uri)
        (folder / "rows.txt").write_text("row\n" * properties["rows"])  # A text times 3.0 is an error.
        (folder / "nothing").mkdir()
        made.split_names = '["train"]'
        made.set_bool_custom_property("good", True)
        made.set_string_custom_property("file", f"{made.uri}/rows.txt")
        made.set_json_value_custom_property("worst", ["train", "eval"])
        made.set_json_value_custom_property("nothing", None)  # Left out by TFX, or KFP would refuse it.


class Read(base_executor.BaseExecutor):
    """Reads what Make wrote."""

    def Do(self, inputs, outputs, properties):
        [made] = inputs["made"]
        folder = Path(made.uri)
        seen = {
            "files": sorted(path.name for path in folder.iterdir()),
            "type": type(made).__name__,
            "splits": made.split_names,
            "good": made.get_int_custom_property("good") or made.get_float_custom_property("good"),
            "file": made.get_string_custom_property("file").removeprefix("minio://").startswith("mlpipeline/"),
            "worst": made.get_json_value_custom_property("worst"),
        }
        expected = {
            "files": ["nothing", "rows.txt"],
            "type": "Examples",
            "splits": '["train"]',
            "good": 1,
            "file": True,
            "worst": ["train", "eval"],
        }
        if seen != expected:
            raise ValueError(f"{seen} is not {expected}")
