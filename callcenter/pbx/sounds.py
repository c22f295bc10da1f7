"""The folder of data that Asterisk reads, with our own words beside those it comes with.

Asterisk looks for words in `sounds/<language>` of one folder, which may be the system's and is not ours to write to. So
it gets a folder of links: everything as it is, and the languages of `asterisk-conf/sounds` as well.
"""

from __future__ import annotations

from pathlib import Path

from callcenter.settings import PROJECT_ROOT

SPOKEN = PROJECT_ROOT / "asterisk-conf" / "sounds"
"""One folder for each language: `zh/queue-thereare.wav`; mono, 8 kHz, 16 bit. What is missing is said in English."""


def lay_out(shared: Path, target: Path) -> Path:
    """Makes `target` a copy in links of `shared`, with our languages among its sounds; answers with `target`."""
    sounds = target / "sounds"
    sounds.mkdir(parents=True, exist_ok=True)
    own = {one.name: one for one in SPOKEN.iterdir() if one.is_dir()} if SPOKEN.is_dir() else {}
    _link(target, {one.name: one for one in _inside(shared) if one.name != "sounds"})
    _link(sounds, {one.name: one for one in _inside(shared / "sounds")} | own)
    return target


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _link(folder: Path, wanted: dict[str, Path]) -> None:
    for old in folder.iterdir():
        if old.is_symlink() and wanted.get(old.name) != old.readlink():
            old.unlink()
    for name, path in wanted.items():
        if not (folder / name).is_symlink() and not (folder / name).exists():
            (folder / name).symlink_to(path)
