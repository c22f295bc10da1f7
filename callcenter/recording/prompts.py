"""A company's own announcements: where they are kept, for Asterisk to read. `callcenter.intake` makes them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from callcenter.settings import Settings


def prompt_folder(settings: Settings) -> Path:
    """Where announcements are kept; Asterisk reads them from there."""
    return settings.data_dir.resolve() / "prompts"


def prompt_file(folder: Path, prompt_id: int, made: datetime) -> Path:
    """The file of one announcement; a new upload has a new name, so that Asterisk never plays half of each."""
    return folder / f"prompt-{prompt_id}-{int(made.timestamp() * 1000)}.wav"
