"""The types of requests and answers as JSON schemas, as the OpenAPI document names them.

A field with a default may be left out of a request, but is in every answer. A type of both that has such fields is
therefore there twice: by its own name as it is answered, and with `Input` behind its name as it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

PREFIX = "#/components/schemas/"
INPUT = "Input"

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DocumentTypes:
    """`components` by name, and by the type's id the schema of each type that was asked for."""

    components: dict[str, Schema]
    _answers: dict[int, Schema]
    _bodies: dict[int, Schema]
    _queries: dict[int, Schema]

    def answer(self, kind: Any) -> Schema:
        return self._answers[id(kind)]

    def body(self, kind: Any) -> Schema:
        return self._bodies[id(kind)]

    def query(self, kind: Any) -> Schema:
        """The object itself: each of its properties becomes a parameter."""
        return self._queries[id(kind)]


def types_of(*, answers: Sequence[Any], bodies: Sequence[Any], queries: Sequence[Any]) -> DocumentTypes:
    """The schemas of all those types; `queries` are Structs, which get no component of their own."""
    kinds = [*answers, *bodies]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=PREFIX + "{name}")
    answered, asked = schemas[: len(answers)], schemas[len(answers) :]
    known = _reached(components, answered)
    twice = {name for name in known & _reached(components, asked) if _has_defaults(components, components[name])}
    asking = {name: _renamed(components[name], twice) for name in components if name not in known or name in twice}
    for name in twice:
        asking[name]["title"] = name + INPUT
    found = {name: components[name] for name in known} | {
        name + INPUT if name in twice else name: schema for name, schema in asking.items()
    }
    for name in known:
        _complete(found[name])
    wanted, extra = _queries(queries)
    return DocumentTypes(
        dict(sorted((extra | found).items())),
        {id(kind): schema for kind, schema in zip(answers, answered, strict=True)},
        {id(kind): _renamed(schema, twice) for kind, schema in zip(bodies, asked, strict=True)},
        wanted,
    )


def _queries(kinds: Sequence[Any]) -> tuple[dict[int, Schema], dict[str, Schema]]:
    """The objects by id of their type, and the components that their properties name."""
    schemas, components = msgspec.json.schema_components(kinds, ref_template=PREFIX + "{name}")
    names = [_name(schema["$ref"]) for schema in schemas]
    wanted = {id(kind): components[name] for kind, name in zip(kinds, names, strict=True)}
    return wanted, {name: schema for name, schema in components.items() if name not in names}


def _name(reference: str) -> str:
    return reference.removeprefix(PREFIX)


def _references(node: Any) -> Iterator[str]:
    """The names of all components that a schema mentions."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield _name(node["$ref"])
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _reached(components: dict[str, Schema], schemas: Iterable[Schema]) -> set[str]:
    """The names of all components that those schemas mention, directly or not."""
    found: set[str] = set()
    waiting = [name for schema in schemas for name in _references(schema)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(components[name])
    return found


def _has_defaults(components: dict[str, Schema], schema: Schema) -> bool:
    """Whether a request may leave out what an answer has, in the type itself or in one that it mentions."""
    every = [schema, *(components[name] for name in _reached(components, [schema]))]
    return any("default" in field for one in every for field in one.get("properties", {}).values())


def _renamed(node: Any, names: set[str]) -> Any:
    """A copy that mentions those components by the name they have in requests."""
    if isinstance(node, dict):
        copy = {key: _renamed(value, names) for key, value in node.items()}
        if isinstance(copy.get("$ref"), str) and _name(copy["$ref"]) in names:
            copy["$ref"] += INPUT
        return copy
    return [_renamed(value, names) for value in node] if isinstance(node, list) else node


def _complete(schema: Schema) -> None:
    """What has a default is in every answer; the default itself says nothing there."""
    fields = schema.get("properties", {})
    always = [name for name, field in fields.items() if name in schema["required"] or "default" in field]
    if fields:
        schema["required"] = always
    for field in fields.values():
        field.pop("default", None)
