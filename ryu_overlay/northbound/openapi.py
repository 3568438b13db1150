"""The OpenAPI 3.1 document, written from the route table and the shapes that requests and answers really have.

Knows only what the table says of each operation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from ryu_overlay import __version__
from ryu_overlay.northbound import problems
from ryu_overlay.northbound.answers import Changes, ProblemDocument
from ryu_overlay.northbound.http import JSON, WAIT, Parameter

if TYPE_CHECKING:
    from ryu_overlay.northbound.routes import Operation, Route

Json = dict[str, Any]

_REF = "#/components/schemas/{model}"
_HEADERS: Mapping[str, Json] = {
    "ETag": {
        "description": "Changes whenever what can be written of the object has changed.",
        "schema": {"type": "string"},
    },
    "X-Revision": {"description": "The revision that has the change.", "schema": {"type": "integer"}},
    "X-Converged": {
        "description": "With `wait`: whether every chassis concerned confirmed the revision in time.",
        "schema": {"type": "boolean"},
    },
    "Location": {"description": "The path of the object that was made.", "schema": {"type": "string"}},
}
_GOOD = {200: "What was asked for", 201: "What was created", 204: "Done"}
_CONDITIONS = {
    "If-Match": "Refuse the write (412) unless the object has one of these entity tags.",
    "If-None-Match": "Refuse the write (412) if the object has one of these entity tags; `*`: if it exists.",
}


def document(routes: Iterable[Route]) -> Json:
    """The document (OpenAPI 3.1.0) that describes these routes."""
    routes = tuple(routes)
    schemas = _Schemas(routes)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ryu_overlay",
            "version": __version__,
            "summary": "Tenants' virtual networks over an unchanged IP underlay",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": {route.path: _path(route, schemas) for route in routes},
        "components": {
            "schemas": schemas.components,
            "headers": dict(_HEADERS),
            "responses": {"Problem": _problem()},
        },
    }


class _Schemas:
    """The JSON schema of every shape in the table; those with a name are components, referred to by it."""

    def __init__(self, routes: Iterable[Route]) -> None:
        shapes: dict[Any, None] = {ProblemDocument: None}
        for operation in (operation for route in routes for operation in route.operations.values()):
            named = [operation.body, *operation.answers.values()]
            shapes |= dict.fromkeys(shape for shape in named if isinstance(shape, type))
        # One mode for all: what is answered has the shape of what is taken, and readOnly tells the difference.
        made, definitions = TypeAdapter.json_schemas(
            [(shape, "validation", TypeAdapter(shape)) for shape in shapes], ref_template=_REF
        )
        self._refs = {shape: schema for (shape, _), schema in made.items()}
        self.components: Json = definitions["$defs"]

    def __getitem__(self, shape: Any) -> Json:
        return self._refs[shape]


def _path(route: Route, schemas: _Schemas) -> Json:
    names = re.findall(r"{(\w+)}", route.path)
    methods = {method.lower(): _operation(route, method, schemas) for method in route.operations}
    parameters = [{"name": n, "in": "path", "required": True, "schema": {"type": "string"}} for n in names]
    return {"parameters": parameters, **methods} if names else methods


def _operation(route: Route, method: str, schemas: _Schemas) -> Json:
    operation = route.operations[method]
    made: Json = {"operationId": _identifier(method, route.path), "summary": operation.summary}
    parameters = [*map(_query, operation.query), *_conditions(operation, method)]
    if parameters:
        made["parameters"] = parameters
    if operation.body is not None:
        made["requestBody"] = {"required": True, "content": {JSON: {"schema": schemas[operation.body]}}}
    made["responses"] = {
        **{str(status): _response(operation, method, status, schemas) for status in operation.answers},
        **{str(status): {"$ref": "#/components/responses/Problem"} for status in _errors(operation, route.path)},
        "default": {"$ref": "#/components/responses/Problem"},
    }
    return made


def _identifier(method: str, path: str) -> str:
    """A unique name of the operation: `getTenantsTenantSwitches`."""
    return method.lower() + "".join(word.capitalize() for word in re.findall(r"\w+", path.removeprefix("/v1")))


def _query(parameter: Parameter) -> Json:
    required = {"required": True} if parameter.required else {}
    return {"name": parameter.name, "in": "query", **required, "description": parameter.summary, "schema": dict(parameter.schema)}


def _conditions(operation: Operation, method: str) -> list[Json]:
    if not operation.tagged or method not in ("PUT", "PATCH", "DELETE"):
        return []
    return [
        {"name": name, "in": "header", "description": text, "schema": {"type": "string"}} for name, text in _CONDITIONS.items()
    ]


def _errors(operation: Operation, path: str) -> list[int]:
    """The errors that are particular to an operation; any other is the default."""
    found = [404] if "{" in path else []
    found += [400] if operation.query or operation.body is not None else []
    found += [413, 415, 422] if operation.body is not None else []
    return sorted(found + ([409, 412] if operation.tagged and WAIT in operation.query else []))


def _response(operation: Operation, method: str, status: int, schemas: _Schemas) -> Json:
    made: Json = {"description": _GOOD[status]}
    shape = operation.answers[status]
    if isinstance(shape, str):
        kind = shape.partition(";")[0]
        made["content"] = {kind: {"schema": {"type": "object" if kind == JSON else "string"}}}
    elif shape is not None:
        made["content"] = {JSON: {"schema": schemas[shape]}}
    headers = ["ETag"] if operation.tagged and status != 204 and shape is not Changes else []
    headers += ["X-Revision", "X-Converged"] if method != "GET" and WAIT in operation.query else []
    headers += ["Location"] if status == 201 else []
    if headers:
        made["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in headers}
    return made


def _problem() -> Json:
    schema = {"$ref": _REF.format(model=ProblemDocument.__name__)}
    return {"description": "What is wrong, by field (RFC 9457)", "content": {problems.CONTENT_TYPE: {"schema": schema}}}
