"""What runs in a container on Kubeflow Pipelines: one stage, between KFP's launcher and TFX's executor.

The launcher hands over JSON that TFX cannot read, and TFX writes JSON that the launcher cannot: `mend` puts right the one,
`result` the other. The numbers in comments are those of the page on Kubeflow in docs/.
"""
