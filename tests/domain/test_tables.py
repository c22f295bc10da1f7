# ruff: noqa: E501  # examples are rows: one in a line
"""Tables as people really keep them: every row comes out, with every cell, in the column that it belongs to."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callcenter.domain import delimited, tables
from callcenter.domain.delimited import LineTooLong, NoText, decoded, delimiter_of, is_damaged, rows_of
from callcenter.domain.tables import Row, Skipped, Typed
from callcenter.domain.titles import is_number_title, number_weight, role_of

MOBILE = "13800000001"


def of(text: str) -> list[Typed | Skipped]:
    return list(tables.read(Row(line, cells) for line, cells in rows_of(text)))


def typed(text: str) -> list[tuple[str, str, str, str]]:
    return [(one.number, one.name, one.company, one.remark) for one in of(text) if isinstance(one, Typed)]


# -- any table ---------------------------------------------------------------------------------------------------------

LETTERS = st.sampled_from([*"王芳李a1 \",;|，；'“”=+:\n\t。", "13800000001", "021-6000", "姓名", "手机号", '""'])
CELL = st.one_of(
    st.just(""),
    st.sampled_from(
        ["13800000001", "139 0000 0002", "（021）60000101", "110", "序号", "姓名", "手机号", "备注", "1.38E+10"]
    ),
    st.lists(LETTERS, max_size=6).map("".join),
)
TABLE = st.lists(st.lists(CELL, max_size=7), max_size=12)


def bare(text: str) -> str:
    return re.sub(r"\s", "", text)


@given(TABLE)
@example([["序号", "姓名", "手机号"], ["110", "王芳", "13800000001"]])
def test_no_row_of_any_table_is_lost_and_no_cell_of_a_row(table: list[list[str]]) -> None:
    rows = [Row(line, cells) for line, cells in enumerate(table, start=1)]
    found = list(tables.read(rows))
    filled = [row for row in rows if any(cell.strip() for cell in row.cells)]
    assert [one.line for one in found] == [row.line for row in filled]
    layout = tables.layout_of(filled)
    for row, one in zip(filled, found, strict=True):
        if isinstance(one, Skipped):
            assert (layout.header_line and row.line <= layout.header_line) or tuple(row.cells[: len(layout.header)])
            continue
        said = bare(one.number + one.name + one.company + one.remark)
        for place, cell in enumerate(row.cells):
            if place in layout.dropped:
                continue
            text = tables.number_text(cell.strip())[0] if place in layout.numbers else cell
            assert bare(text) in said or bare(cell) in said, (cell, one)


def excel(cells: list[str], delimiter: str) -> str:
    """A line as Excel writes it."""
    quoted = [
        f'"{cell.replace(chr(34), chr(34) * 2)}"' if re.search(r'[",;|，；\t\n]', cell) else cell for cell in cells
    ]
    return delimiter.join(quoted)


WORD = st.text(st.sampled_from('王芳李雷abc ,;|，；"。\n'), max_size=8).map(str.strip)
LIST = st.lists(st.tuples(st.integers(0, 99_999_999), WORD, WORD, WORD), min_size=1, max_size=12)


@given(LIST, st.sampled_from("\t,;|，"), st.sampled_from(["\n", "\r\n", "\r"]))
def test_a_list_that_excel_wrote_is_read_as_it_was(
    people: list[tuple[int, str, str, str]], delimiter: str, end: str
) -> None:
    rows = [[f"138{number:08d}", *words] for number, *words in people]
    lines = [excel(row, delimiter) for row in [["手机号", "姓名", "公司", "备注"], *rows]]
    assert typed("\n".join(lines).replace("\n", end)) == [tuple(row) for row in rows]


@given(st.text(st.sampled_from('13800000001,"王芳\n\r;，|\t =')))
def test_no_text_makes_the_reader_stumble_and_no_letter_is_lost(text: str) -> None:
    cells = [cell for _, row in rows_of(text) for cell in row]
    kept = "".join(cells)
    for letter in "1380王芳":
        assert kept.count(letter) == text.count(letter)


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"])), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])
)
def test_a_text_in_unicode_is_the_text(text: str, encoding: str) -> None:
    assert decoded(f"{MOBILE},{text}".encode(encoding)).lstrip("\ufeff") == f"{MOBILE},{text}".lstrip("\ufeff")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_text_or_refused(content: bytes) -> None:
    try:
        text = decoded(content)
    except NoText:
        return
    delimited.mended(text).encode()


# -- which column is what ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("序号,姓名,手机号\n110,王芳,13800000001\n119,李雷,13800000002",
         [("13800000001", "王芳", "", "序号: 110"), ("13800000002", "李雷", "", "序号: 119")]),
        ("姓名,公司名称,*联系电话（必填）\n王芳,青禾,021-60000101", [("021-60000101", "王芳", "青禾", "")]),
        ("手机,姓名,地址,微信\n13800000001,王芳,上海,wx1", [("13800000001", "王芳", "", "地址: 上海；微信: wx1")]),
        ("姓名,手机,座机,备注\n王芳,,021-60000101,好\n李雷,13800000002,021-60000102,",
         [("021-60000101", "王芳", "", "好"), ("13800000002", "李雷", "", "座机: 021-60000102")]),
        ("十一月名单\n制表：王\n\n手机号,姓名\n13800000001,王芳", [("13800000001", "王芳", "", "")]),
        ("王芳,13800000001,上海\n李雷,13800000002,北京", [("13800000001", "王芳", "上海", ""), ("13800000002", "李雷", "北京", "")]),
        ("1,王芳,13800000001\n2,李雷,13800000002",
         [("13800000001", "王芳", "", "第1列: 1"), ("13800000002", "李雷", "", "第1列: 2")]),
        ("13800000001,王芳,青禾,好,a,b", [("13800000001", "王芳", "青禾", "好；第5列: a；第6列: b")]),
        ("10086\n110", [("10086", "", "", ""), ("110", "", "", "")]),
        ("身份证号码,订单号码,号码\n310000199001010011,13900000009,13800000001",
         [("13800000001", "", "", "身份证号码: 310000199001010011；订单号码: 13900000009")]),
        ("手机号,姓名\n13800000001,王芳\n手机号,姓名\n13800000002,李雷",
         [("13800000001", "王芳", "", ""), ("13800000002", "李雷", "", "")]),
        ("行号,号码,姓名,公司,备注,具体原因,失败原因\n7,13800000001,王芳,,地址: 上海,不是电话号码,格式错误",
         [("13800000001", "王芳", "", "地址: 上海")]),
        ("号码,姓名\n13800000001.0,王芳\n1.3800000002E+10,李雷", [("13800000001", "王芳", "", ""), ("13800000002", "李雷", "", "")]),
    ],
    ids=["count of rows", "titles as people write them", "unknown columns", "two numbers", "rows above", "number second",
         "count without header", "more columns", "short numbers", "numbers of other things", "header twice",
         "failed rows sent back", "numbers as fractions"],
)  # fmt: skip
def test_columns(text: str, rows: list[tuple[str, str, str, str]]) -> None:
    assert typed(text) == rows


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("号码,姓名\n,王芳", "no_number"),
        ("号码\n1.38E+10", "rounded"),
        ("号码,姓名\n13800000001," + "王" * 101, "too_long"),
        ("号码,姓名,x\n13800000001,王," + "好" * 4001, "too_long"),
        ("号码,姓名\n13800000001,王\udcd5", "bad_characters"),
        ("号码\n13800000001", ""),
    ],
)
def test_a_row_that_cannot_be_taken_says_why(text: str, fault: str) -> None:
    [row] = [one for one in of(text) if isinstance(one, Typed)]
    assert row.fault == fault
    assert not is_damaged(row.name)


def test_rows_above_the_header_are_told() -> None:
    found = of("名单\n\n2024,,\n手机号,姓名\n13800000001,王芳")
    assert [(one.line, one.why) for one in found if isinstance(one, Skipped)] == [
        (1, "before_header"),
        (3, "before_header"),
        (4, "header"),
    ]


@pytest.mark.parametrize(
    "title",
    ["号码", " Phone ", "手机号*", "手机号（必填）", "客户手机", "Tel.", "ＰＨＯＮＥ", "联系电话1", "Mobile Number"],
)
def test_titles_of_numbers(title: str) -> None:
    assert is_number_title(title)


@pytest.mark.parametrize(
    "title",
    [
        "序号",
        "编号",
        "身份证号码",
        "手机归属地",
        "通话次数",
        "电话状态",
        "13800000001",
        "abc",
        "",
        "订单号码",
        "手机型号" * 9,
    ],
)
def test_titles_of_other_things(title: str) -> None:
    assert role_of(title) != "number"


@pytest.mark.parametrize(
    ("cell", "weight"),
    [("13800000001", 4), ("+1 415 555 0100", 4), ("（021）60000101", 4), ("１３８０００００００１", 4), ("13800000001.0", 4),
     ("021-60000111转8001", 4), ("60000101", 2), ("10086", 1), ("110", 0), ("310000199001010011", 0), ("王芳", 0), ("2024年", 0)],
)  # fmt: skip
def test_what_looks_like_a_number(cell: str, weight: int) -> None:
    assert number_weight(cell) == weight


# -- lines and cells ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('13800000001,"王芳\n13800000002,李雷\n13800000003,张三', [(1, [MOBILE, '"王芳']), (2, ["13800000002", "李雷"]), (3, ["13800000003", "张三"])]),
        ('13800000001,"王芳\n13800000002,李雷"\n', [(1, [MOBILE, '"王芳']), (2, ["13800000002", '李雷"']), (3, [""])]),
        ('13800000001,"王,芳","说 ""好"""', [(1, [MOBILE, "王,芳", '说 "好"'])]),
        ('13800000001,"第一行\n第二行",好\n13800000002,x,y', [(1, [MOBILE, "第一行\n第二行", "好"]), (3, ["13800000002", "x", "y"])]),
        ('13800000001,王"芳"\n', [(1, [MOBILE, '王"芳"']), (2, [""])]),
        ('13800000001,"王"芳,好', [(1, [MOBILE, '"王"芳', "好"])]),
        ('="13800000001",王', [(1, [MOBILE, "王"])]),
        ("13800000001\r13800000002\r\n13800000003", [(1, [MOBILE]), (2, ["13800000002"]), (3, ["13800000003"])]),
        ("13800000001,喜欢苹果，香蕉，梨\n13800000002,好", [(1, [MOBILE, "喜欢苹果，香蕉，梨"]), (2, ["13800000002", "好"])]),
        ("13800000001;王,芳;好\n13800000002;李;a,b,c", [(1, [MOBILE, "王,芳", "好"]), (2, ["13800000002", "李", "a,b,c"])]),
        ("13800000001|王芳", [(1, [MOBILE, "王芳"])]),
        ("13800000001，王芳", [(1, [MOBILE, "王芳"])]),
        ("姓名\t手机\n王,芳\t13800000001", [(1, ["姓名", "手机"]), (2, ["王,芳", MOBILE])]),
    ],
    ids=["stray quotes", "stray quotes that pair", "quotes", "line break in a cell", "quote inside", "quote that closes early",
         "text for spreadsheets", "line ends", "wide commas in a remark", "semicolons", "bars", "wide commas", "tabs"],
)  # fmt: skip
def test_lines(text: str, rows: list[tuple[int, list[str]]]) -> None:
    assert list(rows_of(text)) == rows


def test_the_delimiter_is_told_by_the_whole_text() -> None:
    lines = ["客户名单，2024"] + [f"1380000{one:04d};王，芳;a,b" for one in range(300)]
    assert delimiter_of(lines) == ";"


def test_one_bad_byte_damages_one_line() -> None:
    content = "号码,姓名\n13800000001,王芳\n13800000002,李雷\n13800000003,张三".encode("gb18030")
    broken = content.replace("李雷".encode("gb18030"), b"\xc0\xff")
    damaged = [line for line, cells in rows_of(decoded(broken)) if any(map(is_damaged, cells))]
    assert damaged == [3]
    utf8 = "号码,姓名\n13800000001,王芳\n13800000002,李雷\n13800000003,张三".encode()
    assert [
        line
        for line, cells in rows_of(decoded(utf8.replace("雷".encode(), b"\xe9\x9b")))
        if any(map(is_damaged, cells))
    ] == [3]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "gb18030", "utf-8", "utf-8-sig"])
def test_encodings(encoding: str) -> None:
    text = "号码,姓名\n13800000001,𠮷田\n"
    assert decoded(text.encode(encoding)).removeprefix("\ufeff") == text


def test_a_line_without_end_is_refused() -> None:
    with pytest.raises(LineTooLong):
        list(rows_of("1\n" + "1" * 1_000_001))
