"""The systemd unit of an installation."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

from callcenter.settings import PROJECT_ROOT

TEMPLATE = Path(__file__).with_name("callcenter.service")


def rendered(config: Path | None) -> str:
    """The unit for this very program, run by whoever asks, with the settings in `config`."""
    option = f'--config "{config.resolve()}" ' if config is not None else ""
    return TEMPLATE.read_text("utf-8").format(
        user=getpass.getuser(), folder=PROJECT_ROOT, python=_quoted(sys.executable), config=option
    )


def _quoted(path: str) -> str:
    return f'"{path}"' if " " in path else path
