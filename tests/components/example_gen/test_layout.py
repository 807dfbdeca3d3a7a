"""What ExampleGen is told of a task's columns."""

import dataclasses

from components.example_gen.layout import Layout
from schema.contract import load_contract


def test_it_is_what_task_and_schema_say(write_task, toy_task, toy_schema):
    toy_task["features"]["photo"] = {"type": "image", "shape": [32, 32, 3], "source": "path"}
    toy_task["features"]["scan"] = {"type": "image", "shape": [32, 32, 1]}
    toy_task["heads"]["tags"] = {"type": "multilabel", "separator": ";"}
    toy_task["gates"]["tags"] = "none"
    toy_schema += 'feature { name: "photo" type: BYTES } feature { name: "scan" type: BYTES }'
    toy_schema += 'feature { name: "tags" type: BYTES string_domain { value: "a" } not_in_environment: "SERVING" }'
    layout = Layout.of(load_contract(write_task(pbtxt=toy_schema)))
    assert (layout.types["amount"], layout.types["year"], layout.types["photo"]) == ("FLOAT", "INT", "BYTES")
    assert layout.labels == ("kind", "size", "tags")
    assert layout.separators == {"tags": ";"}
    assert layout.images == {"photo": "path", "scan": "bytes"}
    assert layout.path_columns == ("photo",)
    again = Layout.from_json(layout.to_json())
    assert set(again.labels) == set(layout.labels)
    assert dataclasses.replace(again, labels=layout.labels) == layout
    assert again.to_json() == layout.to_json()
