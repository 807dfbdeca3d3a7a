"""How a container is started. Imports nothing: the compiler writes it into every stage."""

# KFP's launcher starts the first word itself and never runs an image's ENTRYPOINT, so it must be found on PATH.
COMMAND = ("python", "-m", "pipeline.runners.step")
