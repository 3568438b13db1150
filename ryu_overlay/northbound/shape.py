"""What every shape of a body has in common: exactly its fields, a limit on faults, and read-only fields that are ignored.

Knows pydantic; does not know any kind of object.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from ryu_overlay.model.objects import KEY_BITS
from ryu_overlay.northbound.problems import invalid, sentence

MAX_FAULTS = 1_000
"""Wrong values of one body that are counted, so that a body that is wrong everywhere costs no more than a right one."""

Uuid = Annotated[Any, WithJsonSchema({"type": "string", "format": "uuid", "readOnly": True})]
Key = Annotated[Any, WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 2**KEY_BITS - 1, "readOnly": True})]

# A factory, unlike a default, does not show in the JSON schema: none of these values is ever used.
IN_PATH: Any = Field(default_factory=str)
IGNORED: Any = Field(default_factory=lambda: None, exclude=True)


class TooManyFaults(Exception):
    """A body has more wrong values than are worth looking for. The message is what is wrong with one of its objects."""


class Faults:
    """How many wrong values one body may have before the search for more is given up: pydantic has no such limit of its own,
    and a body of 16 MiB can hold millions."""

    def __init__(self, most: int = MAX_FAULTS) -> None:
        self._left = most

    def note(self, error: ValidationError) -> None:
        """Count what is wrong with one object. Raises TooManyFaults, which ends the validation."""
        self._left -= error.error_count()
        if self._left < 0:
            raise TooManyFaults(sentence(invalid(error).problems[0]))


class Shape(BaseModel):
    """A JSON object with these fields and no others."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="wrap")
    @classmethod
    def _counted(cls, value: Any, handler: ModelWrapValidatorHandler[Any], info: ValidationInfo) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            if isinstance(info.context, Faults):
                info.context.note(error)
            raise
