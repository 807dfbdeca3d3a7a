"""What a run needs is put on the server once, and a run begins once."""

import pytest
import yaml

from pipeline.runners.kubeflow.client import Client
from pipeline.runners.kubeflow.publish import experiment, publish
from pipeline.runners.kubeflow.server import Server
from pipeline.runners.kubeflow.submit import begin, parameters
from schema.errors import ServerRefused, ServerUnavailable, UserError


class TestPublishing:
    def test_the_same_is_uploaded_once(self, client, kfp, tiny, tiny_text):
        first, again = (publish(client, "flights", tiny_text) for _ in range(2))
        assert (first.is_new, again.is_new) == (True, False)
        assert again.version_id == first.version_id
        assert first.name.startswith("flights-")
        tiny["root"]["inputDefinitions"]["parameters"]["code"]["defaultValue"] = "changed"
        other = publish(client, "flights", yaml.safe_dump(tiny))
        assert (other.is_new, other.pipeline_id) == (True, first.pipeline_id)
        assert len(kfp.versions) == 2
        assert [pipeline.name for pipeline in kfp.pipelines.values()] == ["flights"]

    def test_what_kfp_refuses_is_told(self, client, tiny):
        tiny["schemaVersion"] = "2.0.0"
        with pytest.raises(ServerRefused, match=r"refuses \(400\).*KFP only takes 2\.1\.0"):
            publish(client, "flights", yaml.safe_dump(tiny))

    def test_somebody_else_was_faster(self, client, kfp, tiny_text):
        known = publish(client, "flights", tiny_text)
        nothing = (200, "application/json", "{}")
        missing = (404, "application/json", '{"message": "not found"}')
        kfp.overrides = {
            ("GET", r".*/names/flights"): [missing, None],
            ("GET", r".*/versions"): [nothing, None],
            ("GET", r".*/experiments"): [nothing, None],
        }
        again = publish(client, "flights", tiny_text)
        assert (again.version_id, again.is_new) == (known.version_id, False)
        assert len(kfp.versions) == len(kfp.pipelines) == 1

    def test_an_experiment_is_made_once(self, client, kfp):
        assert experiment(client, "flights") == experiment(client, "flights")
        assert len(kfp.experiments) == 1

    def test_a_namespace_goes_with_everything(self, kfp, endpoint, tiny_text):
        kfp.multi_user = True
        client = Client(Server.parse(endpoint, "team-a"))
        publish(client, "flights", tiny_text)
        experiment(client, "flights")
        assert [made.namespace for made in (*kfp.pipelines.values(), *kfp.experiments.values())] == ["team-a"] * 2
        assert experiment(client, "flights") in kfp.experiments

    def test_a_namespace_is_not_told_a_server_that_has_none(self, kfp, endpoint):
        experiment(Client(Server.parse(endpoint, "team-a")), "flights")
        assert next(iter(kfp.experiments.values())).namespace is None


class TestParameters:
    def test_data_that_were_not_seen_are_read_anew(self, tiny):
        assert parameters(tiny, knows_data=False) == {"data_fingerprint": "[[RunUUID]]"}
        assert parameters(tiny, knows_data=True) == {}

    def test_what_is_asked_for(self, tiny):
        given = parameters(tiny, True, fresh=True, no_baseline="labels were corrected")
        assert given == {"code": "[[RunUUID]]", "no_baseline": "labels were corrected"}

    def test_mistakes(self, tiny):
        with pytest.raises(UserError, match="--no-baseline: say why"):
            parameters(tiny, True, no_baseline=" ")


class TestBeginning:
    def test_a_run(self, client, kfp, order):
        run_id, is_new = begin(client, "flights", order(root="s3://b/f", no_baseline="why"))
        assert is_new
        run = kfp.runs[run_id]
        assert run.display_name.startswith("flights 20")
        assert run.runtime_config.parameters == {"no_baseline": "why"}
        assert run.runtime_config.pipeline_root == "s3://b/f"
        assert run.pipeline_version_reference.pipeline_version_id in kfp.versions

    def test_the_same_under_way_is_not_begun_again(self, client, kfp, order):
        first, _ = begin(client, "flights", order())
        assert begin(client, "flights", order()) == (first, False)
        kfp.runs[first].state = "SUCCEEDED"
        second, is_new = begin(client, "flights", order())
        assert is_new
        assert second != first

    @pytest.mark.parametrize("other", [{"no_baseline": "why"}, {"root": "s3://elsewhere"}])
    def test_another_is(self, client, order, other):
        begin(client, "flights", order())
        assert begin(client, "flights", order(**other))[1]

    def test_a_server_that_failed_may_have_begun_it(self, client, kfp, order):
        wanted = order()
        kfp.overrides = {("POST", ".*/runs"): [(503, "application/json", '{"message": "away"}'), None]}
        with pytest.raises(ServerUnavailable, match="the same command begins it, or finds it under way"):
            begin(client, "flights", wanted)
        assert len(kfp.seen("POST", "/runs")) == 1  # What may have been done is not asked for again.

    def test_a_parameter_that_the_pipeline_does_not_have_is_refused(self, client, order):
        with pytest.raises(ServerRefused, match="not required by pipeline"):
            begin(client, "flights", order(depth=3))
