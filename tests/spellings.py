"""Random telephone numbers in the spellings that people, phones and spreadsheets have for them."""

from __future__ import annotations

from hypothesis import strategies as st

AREAS = ("010", "021", "0755", "0571", "0433", "020")
DASHES = ("-", "－", "–", "‒", "—", "−", " ", "\u00a0", ".", "·", "\u200b-", "")
INVISIBLE = ("", "\u200b", "\u202a", "\ufeff", "\u2060")
EXTENSION_MARKS = ("转", "轉", "分机", " ext ", " ext.", "x", "#", ";ext=", "-", "（")
_WIDE = str.maketrans("0123456789+-()", "０１２３４５６７８９＋－（）")

mobiles = st.builds(lambda kind, rest: f"1{kind}{rest:09d}", st.sampled_from("3456789"), st.integers(0, 999_999_999))
landlines = st.builds(
    lambda area, rest: (area, str(rest)),
    st.sampled_from(AREAS),
    st.integers(20_000_000, 89_999_999),
).map(lambda parts: (parts[0], parts[1][:7] if parts[0] == "0433" else parts[1]))
services = st.sampled_from(("10086", "95588", "12306", "95105105", "96311", "1065751612345678", "110"))
extensions = st.integers(10, 99_999).map(str)


@st.composite
def mobile_spellings(draw: st.DrawFn) -> tuple[str, str, str]:
    """(as written, E.164, extension) of a mobile number."""
    digits = draw(mobiles)
    dash = draw(st.sampled_from(DASHES))
    body = dash.join((digits[:3], digits[3:7], digits[7:]))
    prefix = draw(st.sampled_from(("", "+86", "86", "0086", "+86 ", "+86-", "tel:", "tel:+86", "手机：", "'", "(+86)")))
    return _dressed(draw, prefix + body), f"+86{digits}", ""


@st.composite
def landline_spellings(draw: st.DrawFn) -> tuple[str, str, str]:
    """(as written, E.164, extension) of a fixed line, with or without an extension."""
    area, subscriber = draw(landlines)
    before = draw(st.sampled_from(("{0}", "({0})", "（{0}）", "+86{1}", "+86 (0){1}", "0086-{1}", "+86-{1}", "86{1}")))
    dash = draw(st.sampled_from(DASHES))
    text = before.format(area, area[1:]) + dash + subscriber
    extension = draw(st.one_of(st.just(""), extensions))
    if extension:
        mark = draw(st.sampled_from(EXTENSION_MARKS))
        text += f"{mark}{extension}{'）' if mark == '（' else ''}"
    return _dressed(draw, text), f"+86{area[1:]}{subscriber}", extension


@st.composite
def service_spellings(draw: st.DrawFn) -> tuple[str, str, str]:
    """(as written, digits, extension) of a short number."""
    digits = draw(services)
    return _dressed(draw, digits), digits, ""


def any_spelling() -> st.SearchStrategy[tuple[str, str, str]]:
    return st.one_of(mobile_spellings(), landline_spellings(), service_spellings())


def _dressed(draw: st.DrawFn, text: str) -> str:
    """Full width, invisible marks, spaces around, and what a spreadsheet wraps around text."""
    if draw(st.booleans()):
        text = text.translate(_WIDE)
    mark = draw(st.sampled_from(INVISIBLE))
    place = draw(st.integers(0, len(text)))
    text = text[:place] + mark + text[place:]
    wrapped = draw(st.sampled_from(("{}", " {} ", '="{}"', '"{}"', "\t{}\n")))
    return wrapped.format(text)
