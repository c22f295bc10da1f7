"""What the titles of a table's columns mean, and which cells look like telephone numbers."""

from __future__ import annotations

import re
import unicodedata

_MARKS = re.compile(r"[\s*:：#_.\-]+|[(（\[【].*?[)）\]】]")
_NUMBERS = frozenset(
    (
        *("号码", "电话", "电话号码", "手机", "手机号", "手机号码", "联系电话", "联系方式", "联系号码"),
        *("被叫", "被叫号码", "移动电话", "固话", "座机", "number", "phone", "phonenumber", "mobile"),
        *("mobilephone", "mobilenumber", "telephone", "telephonenumber", "tel", "cell", "cellphone", "msisdn"),
    )
)
_IN_NUMBERS = ("手机", "电话", "联系方式", "座机", "固话", "phone", "mobile", "telephone")
_NOT_NUMBERS = re.compile(
    "编号|身份证|传真|归属|类型|状态|时间|日期|次数|时长|备注|结果|运营商|地址|费|人姓名|销"
    "|model|type|state|status|fax|time|date|count|note"
)
_NAMES = frozenset(
    (
        *("姓名", "名字", "客户姓名", "客户", "联系人", "联系人姓名", "称呼", "客户名"),
        *("name", "fullname", "contact", "contactname", "customer", "customername"),
    )
)
_COMPANIES = frozenset(
    (
        *("公司", "公司名称", "公司名", "单位", "单位名称", "企业", "企业名称", "客户公司"),
        *("company", "companyname", "organisation", "organization"),
    )
)
_REMARKS = frozenset(
    ("备注", "备注信息", "说明", "附注", "remark", "remarks", "note", "notes", "comment", "comments", "memo")
)

_NOISE = re.compile(r"[\s\-‐‑‒–—―－_().（）·・/'‘’`\u200b-\u200f\u202a-\u202e\u2060\ufeff]+")
_PHONE = re.compile(r"(?:tel:?|电话:?)?(\+?)([0-9]{5,15})(?:(?:转|ext|x|#|,|;)[0-9]{1,6})?", re.IGNORECASE)
_HOME = re.compile(r"(?:86)?1[3-9][0-9]{9}|0[1-9][0-9]{8,10}|00[1-9][0-9]{7,12}|[48]00[0-9]{7}")


def title_of(cell: str) -> str:
    """A title without what people put around it: `*手机号（必填）` is `手机号`."""
    return _MARKS.sub("", unicodedata.normalize("NFKC", cell)).casefold()


def is_number_title(cell: str) -> bool:
    title = title_of(cell)
    if title in _NUMBERS:
        return True
    if not title or len(title) > 20 or any(letter.isdigit() for letter in title[:-2]):
        return False
    return any(one in title for one in _IN_NUMBERS) and not _NOT_NUMBERS.search(title)


def role_of(cell: str) -> str:
    """What a column with this title holds: `number`, `name`, `company`, `remark`, or '' for anything else."""
    title = title_of(cell)
    if is_number_title(cell):
        return "number"
    for role, titles in (("name", _NAMES), ("company", _COMPANIES), ("remark", _REMARKS)):
        if title in titles:
            return role
    return ""


def number_weight(cell: str) -> int:
    """How much a cell by itself looks like a telephone number: 0 not at all, 4 like a mobile or an area's number."""
    if not 5 <= len(cell) <= 40:
        return 0
    text = _NOISE.sub("", unicodedata.normalize("NFKC", cell))
    found = _PHONE.fullmatch(text.removesuffix("0") if re.fullmatch(r"[0-9]{11,15}\.0", cell.strip()) else text)
    if found is None:
        return 0
    plus, digits = found.groups()
    if plus or _HOME.fullmatch(digits):
        return 4
    return 2 if len(digits) >= 7 else 1


def looks_like_number(cell: str) -> bool:
    return number_weight(cell) > 0
