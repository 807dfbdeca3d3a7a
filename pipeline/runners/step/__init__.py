"""What runs in a container on Kubeflow Pipelines (KFP): one stage, between KFP's launcher and TFX's executor.

The launcher hands over JSON that TFX cannot read, and TFX writes JSON that the launcher refuses. `mend` puts right the
one and `result` the other; `folders` brings back what an object store loses. TFX itself stays as it is.
"""
