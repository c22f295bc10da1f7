"""Why an AMI action failed. Each class carries one stable `code` that is stored, logged and shown."""

from __future__ import annotations


class AmiError(Exception):
    """Base of everything `AmiLink` raises; `code` never changes, the message is for people."""

    code = "ami_error"


class LinkDown(AmiError):
    """The link is not LIVE, or broke before the answer came. Nothing is sent again later.

    If the action had already been written its outcome is unknown: look at the next snapshot.
    """

    code = "link_down"


class Silent(LinkDown):
    """The peer was waited for in vain; on a machine that has no time for anybody it may be well."""


class ActionTimeout(AmiError):
    """No answer in time. Asterisk may still carry the action out; it is never sent again."""

    code = "action_timeout"


class ActionRefused(AmiError):
    """Asterisk answered `Response: Error`; the text is Asterisk's own `Message`."""

    code = "refused"


class BadValue(AmiError, ValueError):
    """A header or value that could change the meaning of the action; it was not sent."""

    code = "bad_value"


class AuthFailed(AmiError):
    """Asterisk refused the user name or the secret."""

    code = "auth_failed"
