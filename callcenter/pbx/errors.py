"""What can go wrong with the private Asterisk, each with a code that never changes."""

from __future__ import annotations


class PbxError(Exception):
    """A telephony part is not usable; `code` is stable, the message says what to do about it."""

    code = "pbx_error"


class FetchError(PbxError):
    """The private Asterisk could not be downloaded or unpacked."""

    code = "asterisk_fetch_failed"


class BinaryMissing(PbxError):
    """No usable Asterisk binary: absent, not executable or too old."""

    code = "asterisk_binary_missing"


class PortTaken(PbxError):
    """Another program holds a port that the instance needs."""

    code = "port_taken"

    def __init__(self, message: str, *, port: int, setting: str) -> None:
        super().__init__(message)
        self.port = port
        self.setting = setting


class StartFailed(PbxError):
    """Asterisk started but never became ready; the message ends with its last log lines."""

    code = "asterisk_start_failed"


class RunFolderNotWritable(PbxError):
    """The run folder cannot be created or written."""

    code = "run_folder_not_writable"


class UnsafeValue(PbxError, ValueError):
    """A value would change the meaning of a configuration file or an AMI action."""

    code = "unsafe_value"


class CommandFailed(PbxError):
    """A console command could not be delivered to the running Asterisk."""

    code = "asterisk_command_failed"


class CannotAsk(PbxError):
    """We could not ask Asterisk (no descriptors, no memory, no process); nothing is known about Asterisk itself."""

    code = "asterisk_cannot_be_asked"


class StateUnknown(PbxError):
    """Whether Asterisk runs could not be seen; nothing was started, stopped or removed."""

    code = "asterisk_state_unknown"
