"""
Generated functions: the constructor, the writer and the readers of each model class.

attrs and cattrs generate such functions, too. Those here replace them where
`python -m benchmarks.shortcuts` measured more than 3 % of a way's CPU time; what the
replaced function would cost (Python 3.11, msgspec installed, 2026-11-28):

    here                        instead                       whole way   endpoint
    constructor                 attrs' `__init__` and hooks      + 38 %     + 22 %
    its drafts                  `__set__` of the slots           +  7 %     +  3 %
    writer                      `make_dict_unstructure_fn`       +  7 %     +  4 %
    reader by shape             `make_dict_structure_fn`            0 %     + 11 %

The endpoint could not take 30,000 events a second on one core without the last one.

**Constructor.** It converts all arguments, lets the class check the rule between its
members, and raises one error with all problems. It fills a *draft*, an object of an
ordinary class with the same slots, and then makes the draft an object of the frozen
class: attributes of frozen objects are slow to set one by one.

**Writer.** It leaves out None and empty mappings by testing for them, where cattrs
compares with the default.

**Reader by shape.** Most objects have the same members in the same order as many before
them. A reader is generated for each such shape, without a loop and a dict of arguments.

The source of each function is registered with `linecache`, so that tracebacks and
debuggers show it.
"""

import linecache
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

__all__ = ["compile_function", "constructor", "member_writer", "shape_reader"]


def compile_function(
    name: str, source: str, names: dict[str, Any], owner: str
) -> Callable[..., Any]:
    """
    Return the function that the source defines.

    Args:
        name: The function's name in the source.
        source: Its definition; made of field names alone, never of data.
        names: The other names that it uses.
        owner: Whose function it is, for tracebacks.
    """
    filename = f"<pinpoint_events generated {name} of {owner}>"
    exec(compile(source, filename, "exec"), names)  # noqa: S102 - see `source`
    # Entries without a time of modification stay: `linecache.checkcache` skips them.
    linecache.cache[filename] = (
        len(source),
        None,
        source.splitlines(keepends=True),
        filename,
    )
    function: Callable[..., Any] = names[name]
    return function


def constructor(
    cls: type[Any],
    fields: "Sequence[attrs.Attribute[Any]]",
    *,
    refused: type[Any],
    refuse: Callable[..., Any],
    has_rule: bool,
) -> Any:
    """
    Return the `__new__` of a frozen class.

    Args:
        cls: The class; its bases and slots are those of the draft.
        fields: Its attrs fields.
        refused: The class of what a converter returns for an invalid value.
        refuse: Raises the error for a draft with invalid values or a broken rule.
        has_rule: Whether the class has a rule between its members.
    """
    names: dict[str, Any] = {
        "Draft": type(
            f"{cls.__name__}Draft",
            cls.__bases__,
            {"__slots__": cls.__slots__},
        ),
        "Refused": refused,
        "refuse": refuse,
        "this": cls,
    }
    parameters = ["cls"]
    lines = ["draft = Draft()", "draft._hash = None", "is_refused = False"]
    for field in fields:
        name = field.name
        if field.kw_only and "*" not in parameters:
            parameters.append("*")
        names[f"convert_{name}"] = field.converter
        convert = [
            f"{name} = convert_{name}({name})",
            f"if type({name}) is Refused: is_refused = True",
        ]
        default: Any = field.default
        if default is attrs.NOTHING:
            parameters.append(name)
            lines += convert
        else:
            # Defaults are valid already. To type checkers, `Factory` is a function.
            if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
                names[f"make_{name}"] = default.factory
                default = attrs.NOTHING
                lines += [f"if {name} is default_{name}: {name} = make_{name}()"]
                lines += ["else:"]
            else:
                lines += [f"if {name} is not default_{name}:"]
            names[f"default_{name}"] = default
            parameters.append(f"{name}=default_{name}")
            lines += [f"    {line}" for line in convert]
        lines += [f"draft.{name} = {name}"]
    if has_rule:
        names["broken_rule"] = cls._broken_rule
        lines.append(
            "if is_refused or broken_rule(draft) is not None: refuse(this, draft)"
        )
    else:
        lines.append("if is_refused: refuse(this, draft)")
    lines += ["draft.__class__ = this", "return draft"]
    body = "".join(f"    {line}\n" for line in lines)
    source = f"def __new__({', '.join(parameters)}):\n{body}"
    return compile_function("__new__", source, names, cls.__name__)


def member_writer(
    cls: type[Any],
    members: "Sequence[tuple[str, str, str | None, Callable[[Any], Any] | None, str]]",
) -> Callable[[Any], dict[str, Any]]:
    """
    Return the function that writes objects of a class as dicts.

    Args:
        cls: The class.
        members: For each, its name, its name on the wire, the test for leaving it in
            (None to always write it), its writer (None to write it as it is), and the
            expression for it. In test and expression, `value` is the member.
    """
    names: dict[str, Any] = {}
    lines = ["wire = {}"]
    for name, key, test, write_value, expression in members:
        text = expression
        if write_value is not None:
            names[f"write_{name}"] = write_value
            text = f"write_{name}(value)"
        condition = "" if test is None else f"if {test}: "
        lines += [f"value = obj.{name}", f"{condition}wire['{key}'] = {text}"]
    body = "".join(f"    {line}\n" for line in [*lines, "return wire"])
    return compile_function("write", f"def write(obj):\n{body}", names, cls.__name__)


def shape_reader(  # noqa: PLR0913 - each is a part of the generated source
    cls: type[Any],
    members: Sequence[str],
    readers: Mapping[str, Callable[[Any], Any] | None],
    *,
    read_any: Callable[[Any, Any], Any],
    error_type: type[Exception],
    in_wire_name: Callable[[Any], Any],
    is_compiled: bool,
) -> Callable[[Any, Any], Any]:
    """
    Return the function that reads dicts with just these members, in this order.

    Args:
        cls: The class of what is read.
        members: The members' names; at least one.
        readers: For each member, its reader; None if the constructor takes it.
        read_any: Reads any data; called for members that are None.
        error_type: The constructor's error, which has `problems`.
        in_wire_name: Returns such a problem with the wire's name of its member.
        is_compiled: Whether the compiled part constructs objects of the class.
    """
    names: dict[str, Any] = {
        "error_type": error_type,
        "in_wire_name": in_wire_name,
        "new": cls.__new__,
        "read_any": read_any,
        "this": cls,
    }
    # A call of the class is a call of `__new__` and no more, unless it is compiled.
    call = "this(" if is_compiled else "new(this, "
    arguments = []
    for member in members:
        reader = names[f"read_{member}"] = readers[member]
        value = member if reader is None else f"read_{member}({member})"
        arguments.append(f"{member}={value}")
    is_null = " or ".join(f"{member} is None" for member in members)
    source = f"""\
def read(data, kind):
    {", ".join(members)}, = data.values()
    if {is_null}:
        return read_any(data, kind)
    try:
        return {call}{", ".join(arguments)})
    except error_type as error:
        raise error_type(map(in_wire_name, error.problems)) from None
"""
    return compile_function("read", source, names, cls.__name__)
