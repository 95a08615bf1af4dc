"""The types of members, as the model's classes state them."""

from types import NoneType, UnionType
from typing import Any, get_args, get_origin

import attrs

__all__ = ["member_type"]


def member_type(member: "attrs.Attribute[Any]") -> Any:
    """Return the type of a member without None."""
    if get_origin(member.type) is not UnionType:
        return member.type
    types = [each for each in get_args(member.type) if each is not NoneType]
    return types[0]
