"""The document says of requests and answers what is so, and of the live link what is really sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, get_type_hints

import msgspec
import pytest

from callcenter.app import all_routes, api_document
from callcenter.domain.calls import Call, Leg
from callcenter.domain.entities import EVENTS, CallEnded, LiveAgent, LiveCall, LiveEntities, LiveQueue, LiveStats
from callcenter.domain.terms import Direction, Role
from callcenter.domain.today import summed
from callcenter.engine.directory import Directory
from callcenter.engine.view import call_entity, ended_event
from callcenter.web.document_types import types_of
from callcenter.web.kit import dump
from callcenter.web.live_messages import LiveMessage
from tests.web.support import Site

DOCUMENT = json.loads(api_document())
SCHEMAS = DOCUMENT["components"]["schemas"]
NOW = datetime(2026, 3, 9, 1, 0, tzinfo=UTC)


class Part(msgspec.Struct):
    times: int = 1


class Both(msgspec.Struct):
    name: str
    part: Part
    note: str = ""
    gone: str | msgspec.UnsetType = msgspec.UNSET


class Asked(msgspec.Struct):
    both: Both
    limit: int = 5


class Filters(msgspec.Struct):
    page: int = 1


def test_an_answer_has_what_a_request_may_leave_out() -> None:
    types = types_of(answers=[list[Both]], bodies=[Asked, Both], queries=[Filters])
    found = types.components
    assert found.keys() == {"Both", "BothInput", "Part", "PartInput", "Asked"}, "filters are no component"
    assert found["Both"]["required"] == ["name", "part", "note"], "what is unset may be missing"
    assert "default" not in found["Both"]["properties"]["note"]
    assert found["BothInput"]["required"] == ["name", "part"] and found["BothInput"]["title"] == "BothInput"
    assert found["BothInput"]["properties"]["part"] == {"$ref": "#/components/schemas/PartInput"}
    assert found["Asked"]["required"] == ["both"]
    assert types.body(Asked) == {"$ref": "#/components/schemas/Asked"}
    assert types.body(Both) == {"$ref": "#/components/schemas/BothInput"}
    assert types.query(Filters)["properties"]["page"]["default"] == 1


def _structs(kind: type[msgspec.Struct] = msgspec.Struct) -> Iterator[type[msgspec.Struct]]:
    for one in kind.__subclasses__():
        yield one
        yield from _structs(one)


def test_no_answer_leaves_defaults_out() -> None:
    """What may be missing is `UNSET`: a default that is not written would be promised and not there."""
    all_routes()
    ours = [one for one in _structs() if one.__module__.partition(".")[0] in ("callcenter", "crm_bridge")]
    assert ours and not [one.__name__ for one in ours if one.__struct_config__.omit_defaults]


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for one in node:
            yield from _nodes(one)


def test_generators_of_clients_can_read_it() -> None:
    """openapi-python-client refuses tuples, and a name with dots is one that two types share."""
    assert not [node for node in _nodes(DOCUMENT) if "prefixItems" in node or node.get("items") is False]
    assert all("items" in node for node in _nodes(DOCUMENT) if node.get("type") == "array")
    assert all(name.replace("_", "").isalnum() for name in SCHEMAS), "two types have one name"
    titles = [schema["title"] for schema in SCHEMAS.values()]
    assert len(set(titles)) == len(titles), "generators name classes by their titles"
    for node in _nodes(DOCUMENT):
        reference = node.get("$ref")
        assert not isinstance(reference, str) or reference.rpartition("/")[2] in SCHEMAS


def test_what_goes_over_the_live_link_is_in_the_document() -> None:
    answer = DOCUMENT["paths"]["/live"]["get"]["responses"]["101"]["content"]["application/json"]["schema"]
    assert answer["discriminator"]["mapping"].keys() == {"snapshot", "resumed", "delta", "event", "pong"}
    assert SCHEMAS["LiveEvents"]["properties"].keys() == {*EVENTS, "pop"}
    assert SCHEMAS["LiveEvents"]["properties"]["pop"] == {"$ref": "#/components/schemas/Pop"}
    for name, kind in (("LiveAgent", LiveAgent), ("LiveCall", LiveCall), ("LiveQueue", LiveQueue)):
        assert sorted(SCHEMAS[name]["required"]) == sorted(get_type_hints(kind)), name


def _call() -> Call:
    call = Call("c", 1, Direction.INBOUND, "+8613800000000", NOW)
    agent = Leg("a", Role.AGENT, channel="PJSIP/agent-7-00000001", employee_id=7)
    call.legs = {"a": agent, "b": Leg("b", Role.CUSTOMER)}
    call.customer_id, call.customer_name = 3, "王"
    return call


@pytest.mark.parametrize(
    ("kind", "value"), [(LiveCall, call_entity(_call(), Directory())), (CallEnded, ended_event(_call(), NOW))]
)
def test_entities_are_encoded_as_their_types_say(kind: Any, value: Any) -> None:
    read = msgspec.json.decode(dump(value), type=kind)
    assert read == value and read.keys() == get_type_hints(kind).keys()


async def test_what_a_page_is_sent_reads_as_the_document_says(site: Site) -> None:
    own = site.world.own
    async with site.browser("admin") as admin, admin.http.ws_connect(f"{site.url}/live") as socket:
        await socket.send_json({"type": "hello", "resume": None})
        first = await socket.receive_str(timeout=5)
        assert msgspec.json.decode(first, type=LiveMessage).__class__.__name__ == "Snapshot"
        told = json.loads(first)["entities"]
        assert told["agent"] and told["queue"] and told["system"]["phones"]
        for kind, type_ in (("agent", LiveAgent), ("queue", LiveQueue)):
            assert all(one.keys() == get_type_hints(type_).keys() for one in told[kind].values())
        site.hub.publish(own.id, [("stats", "today", {"date": "2026-03-09", "all": summed([]), "parts": {}})])
        second = await socket.receive_str(timeout=5)
        assert msgspec.json.decode(second, type=LiveMessage).__class__.__name__ == "Delta"
        (_, _, figures) = json.loads(second)["set"][0]
        assert figures.keys() == get_type_hints(LiveStats).keys()
        msgspec.convert(told, LiveEntities)
