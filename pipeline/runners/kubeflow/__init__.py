"""Kubeflow Pipelines (KFP): the graph as a file that its servers take. No cluster is needed to write it."""
