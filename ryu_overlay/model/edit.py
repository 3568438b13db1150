"""The write side of the model: one edit leads from a valid network to another valid one, or is refused whole.

Each edit is: lay the body over a draft (`assemble`), give what was left open (`assign`), check what that made of the
network (`validate`), freeze. Knows nothing of REST, stores or revisions of chassis; values come parsed (see `upsert`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

from ryu_overlay.model import removal
from ryu_overlay.model.assemble import Assembly
from ryu_overlay.model.assign import assign
from ryu_overlay.model.kinds import NAMES, PARAMETERS, ancestors
from ryu_overlay.model.limits import MAX_PROBLEMS
from ryu_overlay.model.network import Draft, Network
from ryu_overlay.model.numbers import Exhausted, Numbers
from ryu_overlay.model.objects import Object, Ref
from ryu_overlay.model.problems import Problem, Refused, describe
from ryu_overlay.model.report import Mentions, Report, join
from ryu_overlay.model.validate import validate
from ryu_overlay.model.values import parse_prefix

__all__ = ["Mode", "Outcome", "Problem", "Refused", "delete", "put_network", "put_tenants", "upsert"]

Mode = Literal["create", "put", "patch"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an edit came to. `network` is the base itself if nothing changed, else has the base's revision plus one."""

    network: Network
    created: bool


def upsert(
    base: Network,
    kind: str,
    ref: Ref,
    given: Mapping[str, Any],
    mode: Mode,
    new_uuid: Callable[[], object] = uuid4,
) -> Outcome:
    """Make or change one object, with everything in its document.

    `given` holds the fields the caller gave: addresses as `ipaddress` values (`IPv4Interface` on router ports), MACs in
    lower case with colons, `peer` as (router, port) or None, ranges (`ports`, each of `pools`) as (first, last), collections
    as lists of such mappings. Unknown fields are ignored; None for what is assigned (a MAC, a VNI, an address) or for a
    collection is the same as leaving it out.

    `create` makes the object, or finds it with every given value; `put` makes it as given, defaults for the rest; `patch`
    changes only what is given, in the members of given collections too. A given collection becomes exactly that.
    Raises Refused, and the base stays as it is.
    """
    ref = _checked_ref(base, kind, ref, given)
    before = base.get(kind, ref)
    if before is None and mode == "patch":
        raise _not_found(kind, ref)
    edit = _Edit(base, new_uuid)
    edit.lay(kind, ref, given, "", patch=mode != "put")
    if mode == "create" and before is not None:
        edit.refuse_difference()
        return Outcome(base, False)
    return Outcome(edit.finish(), before is None)


def put_network(
    base: Network,
    tenants: Sequence[Mapping[str, Any]],
    external_networks: Sequence[Mapping[str, Any]] = (),
    new_uuid: Callable[[], object] = uuid4,
) -> Outcome:
    """Make tenants and external networks exactly as their documents say, all or none; others stay as they are.

    Documents are as `given` of `upsert` with mode `put`, each with its `name`. `created` says whether any object named is
    new. Raises Refused with fields like `tenants[1].switches[0].vni` or `external_networks[0].subnet`.
    """
    edit = _Edit(base, new_uuid)
    named = [
        *edit.lay_all("external_network", external_networks, "external_networks"),
        *edit.lay_all("tenant", tenants, "tenants"),
    ]
    created = any(base.get(*name) is None for name in named)
    return Outcome(edit.finish(), created)


def put_tenants(base: Network, documents: Sequence[Mapping[str, Any]], new_uuid: Callable[[], object] = uuid4) -> Outcome:
    """`put_network` of tenants alone."""
    return put_network(base, documents, new_uuid=new_uuid)


def delete(base: Network, kind: str, ref: Ref, cascade: bool = False) -> Network:
    """The network without one object. With `cascade` also without what uses it (`removal` says how far that goes).

    Raises Refused: `not_found`, or without `cascade` `conflict` with a problem for each thing that stands in the way.
    """
    ref = _checked_ref(base, kind, ref, {})
    obj: Object | None = base.get(kind, ref)
    if obj is None:
        raise _not_found(kind, ref)
    if not cascade:
        problems = tuple(Problem(PARAMETERS[kind], reason) for reason in removal.in_the_way(base, obj))
        if problems:
            raise Refused("conflict", problems[:MAX_PROBLEMS])
    draft = Draft(base)
    removal.take_away(draft, obj)
    return draft.freeze(base.revision + 1)


class _Edit:
    """One edit on its way from a base to the next network."""

    def __init__(self, base: Network, new_uuid: Callable[[], object]) -> None:
        self._draft = Draft(base)
        self._mentions = Mentions()
        self._numbers = Numbers(self._draft)
        self.report = Report(self._draft, self._mentions)
        self._assembly = Assembly(self._draft, self._mentions, self.report, self._numbers, new_uuid)

    def lay(self, kind: str, ref: Ref, given: Mapping[str, Any], path: str, patch: bool) -> None:
        try:
            self._assembly.lay(kind, ref, given, path, patch)
        except Exhausted as error:
            self.report.add_at(join(path, NAMES[kind][-1]), str(error), conflict=True)
            self.report.refuse_if_any()

    def lay_all(self, kind: str, documents: Sequence[Mapping[str, Any]], path: str) -> list[tuple[str, Ref]]:
        """Lay documents of objects that stand under nothing; (kind, ref) of each."""
        places: dict[str, int] = {}
        for index, document in enumerate(documents):
            at, name = f"{path}[{index}]", document.get("name")
            if name is None:
                self.report.add_at(join(at, "name"), "is required")
            elif name in places:
                self.report.add_at(join(at, "name"), f"{name} is already {path}[{places[name]}]")
            else:
                places[name] = index
                self.lay(kind, (name,), document, at, patch=False)
        return [(kind, (name,)) for name in places]

    def finish(self) -> Network:
        """The network after the edit. Raises Refused."""
        assign(self._draft, self._assembly.wanting, self._numbers, self._mentions, self.report)
        validate(self._draft, self.report)
        self.report.refuse_if_any()
        base = self._draft.base
        return self._draft.freeze(base.revision + 1) if self._draft.touched else base

    def refuse_difference(self) -> None:
        """Raise Refused if the body would change anything, naming each field that differs from what is there."""
        self.report.refuse_if_any()
        for (kind, ref), after in self._draft.touched.items():
            before: Any = self._draft.base.get(kind, ref)
            if after is None:
                path = self._mentions.removed[kind, ref]
                self.report.add_at(path, f"{describe(before)} is there and is not given", conflict=True)
            elif before is None:
                self.report.add_at(self._mentions.paths[kind, ref], f"{describe(after)} is not there", conflict=True)
            else:
                self._report_differences(self._mentions.paths[kind, ref], before, after)
        self.report.refuse_if_any()

    def _report_differences(self, path: str, before: Object, after: Object) -> None:
        for field in type(before).__dataclass_fields__:
            was, wanted = getattr(before, field), getattr(after, field)
            if was != wanted:
                reason = f"{describe(before)} is there already with {_shown(was)}, not {_shown(wanted)}"
                self.report.add_at(join(path, field), reason, conflict=True)


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join("-".join(map(str, item)) if isinstance(item, tuple) else str(item) for item in value) or "none"
    return {None: "none", True: "true", False: "false"}.get(value, str(value))


def _checked_ref(base: Network, kind: str, ref: Ref, given: Mapping[str, Any]) -> Ref:
    """`ref` in its canonical form. Raises Refused when its parents do not exist or the body has another name."""
    for parent in ancestors(kind, ref):
        if base.get(*parent) is None:
            raise _not_found(*parent)
    field = NAMES[kind][-1]
    if kind == "route":
        try:
            ref = (*ref[:2], str(parse_prefix(ref[2])))
            same = str(parse_prefix(given.get(field, ref[2]))) == ref[2]
        except ValueError as error:
            raise Refused("invalid", (Problem(field, str(error)),)) from error
    else:
        same = given.get(field, ref[-1]) == ref[-1]
    if not same:
        raise Refused("invalid", (Problem(field, f"is {ref[-1]} in the path, and cannot be changed"),))
    return ref


def _not_found(kind: str, ref: Ref) -> Refused:
    what = kind.replace("_", " ")
    where = f" in tenant {ref[0]}" if len(ref) > 1 else ""
    return Refused("not_found", (Problem(PARAMETERS[kind], f"there is no {what} {'/'.join(ref[1:] or ref)}{where}"),))
