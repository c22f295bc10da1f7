"""For Python under libfaketime, whose `clock_nanosleep` refuses every wait: sleeps by another call of the system."""

import select
import time


def _sleep(seconds: float, /) -> None:
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    select.select((), (), (), seconds)


time.sleep = _sleep  # type: ignore[assignment]
