"""Texts with columns as people really send them: which letters, which delimiter, where a row ends.

Nothing is refused here for its form. A quote that opens and never closes is a letter like any other, so it swallows no
row; a byte that belongs to no letter stays where it was, so that its row can be named.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from callcenter.domain.titles import is_number_title, looks_like_number

DELIMITERS = ("\t", ",", ";", "|", "，", "；")
"""In the order in which they are taken where a text says nothing."""
MOST_LETTERS = 1_000_000
"""Of one line; a longer one is no row of a table."""
_LINE_BREAK = re.compile("\r\n|\r|\n")
_QUOTED = re.compile('"[^"]*"')
_MASK = {ord(one): "_" for one in DELIMITERS}
_AS_TEXT = re.compile('="((?:[^"]|"")*)"')
_SAMPLE = 20_000
"""Lines, from the whole text, by which the delimiter is chosen."""
_HEAD = 30
_MOST_SPANNED = 100
"""Lines that one quoted cell may go over."""
_MOST_DAMAGED = 20
_DAMAGED = re.compile("[\ud800-\udfff]")
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


class NoText(ValueError):
    """The bytes are no text in any of the encodings; the message says why."""


class LineTooLong(ValueError):
    """`args[0]` is the line's number."""


# -- letters -----------------------------------------------------------------------------------------------------------


def decoded(content: bytes) -> str:
    """The text of a file in UTF-8, UTF-16 or GB18030; raises `NoText`.

    A byte that is no part of a letter becomes a lone surrogate (`is_damaged`); many of them are no text.
    """
    text = _by_mark(content)
    text = text.removesuffix("\x1a")
    if "\x00" in text:
        raise NoText("the text holds NUL")
    strange = sum(text.count(chr(code)) for code in range(1, 32) if chr(code) not in "\t\n\r\x0b\x0c")
    damaged = _damages(text)
    if strange > _MOST_DAMAGED + len(text) // 200 or damaged > _MOST_DAMAGED + len(text) // 100:
        raise NoText("neither UTF-8, UTF-16 nor GB18030")
    return text


def is_damaged(text: str) -> bool:
    return not text.isascii() and _DAMAGED.search(text) is not None


def _damages(text: str) -> int:
    return 0 if text.isascii() else len(_DAMAGED.findall(text))


def mended(text: str) -> str:
    """The text with a sign in place of what was damaged, as databases and files take it."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if is_damaged(text) else text


def _by_mark(content: bytes) -> str:
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            content = content[len(mark) :]
            return content.decode(encoding, "surrogateescape") if encoding == "utf-8" else _wide(content, encoding)
    head = content[:4096]
    if b"\x00" in head:
        even, odd = head[0::2].count(0), head[1::2].count(0)
        if max(even, odd) * 5 > len(head) // 2 and min(even, odd) * 20 < len(head):
            wide = _wide(content, "utf-16-le" if odd > even else "utf-16-be")
            if any(digit in wide for digit in "0123456789"):
                return wide
        raise NoText("the bytes hold NUL")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        chinese = content.decode("gb18030")
    except UnicodeDecodeError:
        chinese = content.decode("gb18030", "surrogateescape")
    lenient = content.decode("utf-8", "surrogateescape")
    damaged = _damages(lenient)
    letters = sum(not letter.isascii() for letter in lenient) - damaged
    # Chinese in GB18030 makes hardly a letter of UTF-8; damaged UTF-8 makes many.
    return lenient if letters > 3 * damaged else chinese


def _wide(content: bytes, encoding: str) -> str:
    """UTF-16; half a letter, at the end or in a pair, is a lone surrogate."""
    whole = len(content) // 2 * 2
    return content[:whole].decode(encoding, "surrogatepass") + "\udcff" * (len(content) - whole)


# -- lines and cells ---------------------------------------------------------------------------------------------------


def rows_of(text: str) -> Iterator[tuple[int, list[str]]]:
    """(number of the line it begins in, cells) for every line; empty ones too. Raises `LineTooLong`."""
    lines = _LINE_BREAK.split(text)
    for number, line in enumerate(lines, start=1):
        if len(line) > MOST_LETTERS:
            raise LineTooLong(number)
    delimiter = delimiter_of(lines)
    usual = _usual(_counts(lines, delimiter))
    place = 0
    while place < len(lines):
        begun = place
        if '"' in lines[place]:
            cells, place = _quoted_row(lines, place, delimiter, usual)
        else:
            cells = lines[place].split(delimiter)
        yield begun + 1, [_plain(cell) for cell in cells]
        place += 1


def delimiter_of(lines: Sequence[str]) -> str:
    """The delimiter of a text, judged by all of it: it cuts most lines into as many cells, and numbers stand alone.

    A comma inside remarks, the wide Chinese one above all, is in some lines and not in others.
    """
    filled = [line for line in lines if line.strip()]
    sample = filled[:: len(filled) // _SAMPLE + 1]
    masked = [_QUOTED.sub(lambda found: found[0].translate(_MASK), one) if '"' in one else one for one in sample]
    best, most = ",", 0.0
    for delimiter in DELIMITERS:
        score = _score(masked, delimiter)
        if score > most + 1e-9 and any(delimiter in line for line in masked):
            best, most = delimiter, score
    return best


def _score(lines: Sequence[str], delimiter: str) -> float:
    cut = [line.split(delimiter) for line in lines]
    usual = _usual(Counter(len(cells) - 1 for cells in cut))
    even = sum(len(cells) - 1 == usual for cells in cut) if usual else 0
    numbers = sum(any(looks_like_number(cell.strip(' "')) for cell in cells) for cells in cut)
    titled = any(len(cells) > 1 and any(map(is_number_title, cells)) for cells in cut[:_HEAD])
    return (even + numbers) / max(1, len(lines)) + titled / 2


def _counts(lines: Sequence[str], delimiter: str) -> Counter[int]:
    return Counter(line.count(delimiter) for line in lines if line.strip() and '"' not in line)


def _usual(counts: Counter[int]) -> int:
    """How many delimiters most lines have that have any."""
    found = [(count, lines) for count, lines in counts.items() if count]
    return max(found, key=lambda one: one[1])[0] if found else 0


def _quoted_row(lines: Sequence[str], place: int, delimiter: str, usual: int) -> tuple[list[str], int]:
    """The cells of a row that has quotes, and the line in which it ends."""
    cells: list[str] = []
    position = 0
    while True:
        line = lines[place]
        begin = position + len(line) - position - len(line[position:].lstrip(" "))
        closed = _closed(lines, place, begin, delimiter, usual) if line.startswith('"', begin) else None
        if closed is not None:
            cell, place, position = closed
        else:
            end = line.find(delimiter, position)
            end = len(line) if end < 0 else end
            cell, position = line[position:end], end
        cells.append(cell)
        if position >= len(lines[place]):
            return cells, place
        position += len(delimiter)
        if position >= len(lines[place]):
            return [*cells, ""], place


def _closed(lines: Sequence[str], place: int, begin: int, delimiter: str, usual: int) -> tuple[str, int, int] | None:
    """The quoted cell that begins there, the line and the place after it; None when its quote is only a letter.

    It closes before a delimiter or the end of a line, as Excel writes it. It goes over a line break only when the next
    line is not a row of the table itself.
    """
    parts: list[str] = []
    position = begin + 1
    for spanned in range(_MOST_SPANNED):
        line = lines[place + spanned]
        while (quote := line.find('"', position)) >= 0:
            if line.startswith('"', quote + 1):
                parts.append(line[position : quote + 1])
                position = quote + 2
                continue
            rest = line[quote + 1 :]
            after = quote + 1 + len(rest) - len(rest.lstrip(" "))
            if after < len(line) and not line.startswith(delimiter, after):
                return None
            return "".join([*parts, line[position:quote]]), place + spanned, after
        if place + spanned + 1 >= len(lines) or _is_row(lines[place + spanned + 1], delimiter, usual):
            return None
        parts.append(line[position:] + "\n")
        position = 0
    return None


def _is_row(line: str, delimiter: str, usual: int) -> bool:
    """Whether a line looks like the table's others: as many cells, and a number alone in one of them."""
    if line.count(delimiter) < usual:
        return False
    return any(looks_like_number(cell.strip(' "')) for cell in line.split(delimiter))


def _plain(cell: str) -> str:
    """`="0138"` is how a file keeps a spreadsheet from reading a text as a number."""
    found = _AS_TEXT.fullmatch(cell.strip())
    return found[1].replace('""', '"') if found else cell
