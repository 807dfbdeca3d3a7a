"""What goes wrong."""


class Refused(Exception):
    """The server takes neither the pipeline nor the run, or the driver no step."""


class LauncherFailed(Exception):
    """The launcher gives up: before its command, or after a command that went well."""
