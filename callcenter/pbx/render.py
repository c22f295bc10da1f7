"""Turn the templates in `asterisk-conf/<role>/` into the configuration folder of one Asterisk instance."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from callcenter.pbx.errors import UnsafeValue
from callcenter.settings import PROJECT_ROOT

TEMPLATES = PROJECT_ROOT / "asterisk-conf"
DIALPLANS = PROJECT_ROOT / "dialplans"

# `{{name}}`, because Asterisk's own files are full of `$`, `%` and single braces.
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
_OPTIONAL = re.compile(r"^load = (\S+\.so)\s*; optional.*$", re.MULTILINE)


def check_value(name: str, value: str) -> str:
    """`value` unchanged, or `UnsafeValue` if it could add a line or a comment to a configuration file."""
    if any(character in value for character in "\r\n\0"):
        raise UnsafeValue(f"The value of {name} holds a line break or a NUL character.")
    if ";" in value:
        raise UnsafeValue(f"The value of {name} holds a semicolon, which starts a comment in Asterisk's files.")
    return value


def render(template: str, values: Mapping[str, str], blocks: Mapping[str, str] | None = None) -> str:
    """`template` with every `{{name}}` replaced; `values` are single-line, `blocks` are text we generated."""
    generated = blocks or {}

    def replace(match: re.Match[str]) -> str:
        name = match[1]
        if name in generated:
            return generated[name]
        if name not in values:
            raise KeyError(f"The template uses {{{{{name}}}}}, which has no value.")
        return check_value(name, values[name])

    return _PLACEHOLDER.sub(replace, template)


def drop_missing_modules(modules_conf: str, module_dir: Path) -> str:
    """modules.conf without the optional modules that this build of Asterisk lacks."""
    return _OPTIONAL.sub(lambda match: f"load = {match[1]}" if (module_dir / match[1]).exists() else "", modules_conf)


def render_folder(
    role: str, etc: Path, values: Mapping[str, str], module_dir: Path, blocks: Mapping[str, str] | None = None
) -> None:
    """Write every template of `role` into `etc`; files that other parts generate there stay untouched."""
    make_private(etc)
    for template in sorted((TEMPLATES / role).glob("*.conf")):
        text = render(template.read_text("utf-8"), values, blocks)
        if template.name == "modules.conf":
            text = drop_missing_modules(text, module_dir)
        write_atomic(etc / template.name, text)


def copy_dialplans(source: Path, etc: Path) -> None:
    """Make `<etc>/dialplans` hold exactly the `.conf` files of `source`."""
    target = etc / "dialplans"
    make_private(target)
    wanted = {path.name: path for path in sorted(source.glob("*.conf"))}
    for stale in target.glob("*.conf"):
        if stale.name not in wanted:
            stale.unlink()
    for name, path in wanted.items():
        write_atomic(target / name, path.read_text("utf-8"))


def make_private(folder: Path) -> None:
    """The folder exists and nobody but its owner may look into it, whoever made it and under which umask."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)


def write_atomic(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace `path` in one step, so a reader sees the old or the new text and never half of one.

    Private by default: several of these files hold secrets.
    """
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
