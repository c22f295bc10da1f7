"""The one way in which a rule says no."""

from __future__ import annotations


class Refusal(Exception):
    """What was asked for cannot be done, and nothing was changed.

    `code` is stable and has words in both languages (`callcenter.web.errors`); `details` are what the words do not say:
    numbers, names, a field, how long to wait. They reach whoever asked, so they hold nothing that person may not see.
    """

    def __init__(self, code: str, **details: object) -> None:
        super().__init__(code)
        self.code = code
        self.details = details
