"""Every error the API answers with: one JSON shape, one stable code, texts in Chinese and English.

`{"error": {"code": "number_invalid", "message": {"zh": "...", "en": "..."}, "details": {...}, "request_id": "..."}}`
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from callcenter.declared import Merged
from callcenter.domain.spelling import FAULT_WORDS


class Text(NamedTuple):
    status: int
    zh: str
    en: str


class Refusals(dict[str, Text]):
    """Codes with their words, as a room declares them (`refusals.py`)."""


REFUSALS = Refusals(
    {
        "not_signed_in": Text(401, "请先登录。", "Please sign in."),
        "bad_credentials": Text(401, "账号或密码不正确。", "The login or the password is wrong."),
        "too_many_attempts": Text(
            429, "登录失败次数过多，请稍后再试。", "Too many failed attempts; please try again later."
        ),
        "forbidden": Text(403, "您没有执行此操作的权限。", "You are not allowed to do this."),
        "bad_origin": Text(403, "请求来源不被允许。", "The request comes from an origin that is not allowed."),
        "bad_host": Text(
            421,
            "请通过本机地址访问，或在设置 public_origin 中填写访问域名。",
            "This host name is not one of ours; set public_origin to the address that people type.",
        ),
        "too_many_requests": Text(
            429, "同时进行的请求过多，请稍后再试。", "Too many requests at once; please try again in a moment."
        ),
        "request_timeout": Text(
            408, "请求内容接收超时，请重试。", "The request did not arrive in time; please try again."
        ),
        "password_weak": Text(
            422, "密码至少 8 位，且不能与账号相同。", "Use at least 8 characters, not equal to the login."
        ),
        "not_found": Text(404, "没有找到所请求的内容。", "What you asked for does not exist."),
        "method_not_allowed": Text(405, "不支持该请求方法。", "This method is not supported here."),
        "bad_json": Text(400, "请求内容不是有效的 JSON。", "The body is not valid JSON."),
        "invalid": Text(422, "提交的内容有误，请检查后重试。", "Something in the request is not valid; see details."),
        "too_large": Text(413, "提交的内容过大。", "The body is too large."),
        "conflict": Text(409, "与现有数据冲突。", "This conflicts with what is there already."),
        "internal": Text(500, "服务器内部错误，已记录。", "Something went wrong on our side; it has been logged."),
        "database_unavailable": Text(
            503, "数据库暂时不可用，请稍后重试。", "The database is unavailable for a moment; please try again."
        ),
        "storage_full": Text(507, "存储空间不足。", "There is no space left on the storage."),
        "key_missing": Text(400, "缺少 Idempotency-Key 请求头。", "The Idempotency-Key header is missing."),
        "range_invalid": Text(416, "请求的范围无效。", "The requested range cannot be served."),
        "employee_unknown": Text(422, "员工不存在。", "There is no such employee."),
        "document_invalid": Text(
            422,
            "只接受 5 MB 以内的 JPG、PNG 或 PDF 文件。",
            "Only JPG, PNG and PDF files of at most 5 MB are accepted.",
        ),
        "import_too_large": Text(
            413, "文件过大，每次最多导入 20 万行。", "The file is too large; 200,000 rows at a time."
        ),
        "import_line_too_long": Text(
            422, "文件中有一行过长，不像号码表。", "A line of the file is too long to be a row of numbers; see details."
        ),
        "file_too_heavy": Text(
            422,
            "打开该文件所需的时间或内存超出限制，请拆分或另存后重试。",
            "Opening this file takes more time or memory than is allowed; split it or save it anew.",
        ),
        "exports_busy": Text(
            429, "正在生成的表格过多，请稍后再试。", "Too many spreadsheets are being made; try again in a moment."
        ),
        "uploads_busy": Text(
            429, "正在处理的上传过多，请稍后再试。", "Too many uploads are at work; try again in a moment."
        ),
    }
)
"""Those that belong to no noun."""

CATALOGUE: Mapping[str, Text] = Merged(Refusals)
"""Every code of the product."""


_FAULTS = {fault.value: words for fault, words in FAULT_WORDS.items()}


def words_of(code: str, details: dict[str, Any]) -> dict[str, str]:
    """What went wrong in both languages; a number that cannot be read says why."""
    text = CATALOGUE[code]
    if code == "number_invalid" and details.get("reason") in _FAULTS:
        zh, en = _FAULTS[details["reason"]]
        return {"zh": f"号码无效：{zh}。", "en": f"This is not a valid number: {en}."}
    return {"zh": text.zh, "en": text.en}


def body_of(code: str, details: dict[str, Any], request_id: str) -> dict[str, Any]:
    """The one error shape."""
    return {
        "error": {
            "code": code,
            "message": words_of(code, details),
            "details": details,
            "request_id": request_id,
        }
    }
