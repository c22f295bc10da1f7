"""What goes over the live link, as it is encoded and as the OpenAPI document shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec

from callcenter.domain.entities import LiveEntities

Pair = Annotated[Sequence[str], msgspec.Meta(min_length=2, max_length=2)]
"""Kind and key of an entity."""
NewState = Annotated[Sequence[Any], msgspec.Meta(min_length=3, max_length=3, extra_json_schema={"items": {}})]
"""Kind, key and value of an entity; the value is what `LiveEntities` has there."""


class Snapshot(msgspec.Struct, tag_field="type", tag="snapshot"):
    """Everything that the viewer sees at that moment; what was known before is forgotten."""

    epoch: str
    seq: int
    now: datetime
    entities: LiveEntities


class Resumed(msgspec.Struct, tag_field="type", tag="resumed"):
    """What was missed follows as it was sent then."""

    epoch: str
    seq: int
    now: datetime


class Delta(msgspec.Struct, tag_field="type", tag="delta"):
    """Kind, key and value of entities that are new or have changed, kind and key of those that are gone."""

    seq: int
    now: datetime
    set: Sequence[NewState]
    gone: Sequence[Pair] = msgspec.field(name="del")


class Passed(msgspec.Struct, tag_field="type", tag="event"):
    """Something happened that leaves nothing behind; `data` is what `LiveEvents` has under `name`."""

    seq: int
    now: datetime
    name: str
    data: Mapping[str, Any]


class Pong(msgspec.Struct, tag_field="type", tag="pong"):
    """The answer to `{"type": "ping"}`."""


LiveMessage = Snapshot | Resumed | Delta | Passed | Pong
