"""A double of Kubeflow Pipelines (KFP) 2.17, for tests: runs a compiled pipeline in Docker containers.

It does with each container what KFP's server, driver and launcher do, and refuses what they refuse. Read in KFP's
sources: backend/src/v2 (compiler, driver, component, metadata, objectstore, cacheutils). What it cannot do, it refuses.
"""
