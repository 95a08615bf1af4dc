"""
Public names in the API reference: types, defaults and links.

- A class of attrs shows the types that its constructor accepts, and defaults as they
  are written; its list of attributes has the types that it holds.
- A type is called by its public name, wherever it is defined.
- Code that is a public name is a link to its description.
- The fields of a named tuple are in its docstring, and are not listed once more.
"""

import enum
import inspect
import re
from importlib import import_module
from typing import Any, Final

import attrs
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.typing import stringify_annotation

from pinpoint_events import FrozenMap
from pinpoint_events.problems import WordEnum, Words

MODULES: Final = (
    "pinpoint_events",
    "pinpoint_events.loader",
    "pinpoint_events.problems",
    "pinpoint_events.recorder",
    "pinpoint_events.server",
    "pinpoint_events.senders",
    "pinpoint_events.senders.client",
    "pinpoint_events.testing",
    "pinpoint_events.testing.strategies",
)
# Where the service has a member of this name, code may mean that.
_WIRE_NAMES: Final = frozenset(
    {"Demographic", "Endpoint", "Event", "Location", "Session", "User"}
)
# Words that are names of functions, too.
_WORDS: Final = frozenset({"load", "served"})
# botocore has one, too, which is the one that senders take.
_NEVER_LINKED: Final = frozenset({"Credentials"})
# Shown for defaults that are no expressions.
_DEFAULTS: Final = {"_Default.FROM_ENVIRONMENT": "Keys.from_environment()"}
_LAMBDAS: Final = {"OutcomeCounts": "dict.fromkeys(Outcome, 0)"}
_MANY_DIGITS: Final = 10_000
_TUPLE_FIELD: Final = type(Words.problem)


def _public_names() -> tuple[dict[str, str], dict[str, str]]:
    """Return definition to public name, and short name to public name."""
    of_definition: dict[str, str] = {}
    of_short_name: dict[str, str] = {}
    for module in MODULES:
        loaded = import_module(module)
        for name in loaded.__all__:
            value = getattr(loaded, name)
            if not callable(value):
                continue
            public = f"{module}.{name}"
            definition = f"{value.__module__}.{name}"
            public = of_definition.setdefault(definition, public)
            if not module.endswith(".strategies"):
                of_short_name.setdefault(name, public)
    return of_definition, of_short_name


_PUBLIC, _NAMES = _public_names()
_PATH: Final = re.compile(r"\bpinpoint_events(?:\.\w+)+")
_CODE: Final = re.compile(r"(\w+)((?:\.\w+)*)(\(\))?")


def _type_text(annotation: Any) -> str:
    text = stringify_annotation(annotation, "smart")
    return _PATH.sub(lambda found: _PUBLIC.get(found[0], found[0]), text)


def _default_text(cls: type[Any], default: Any) -> str:
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type] # to mypy, a function
        made: Any = default.factory
        if made.__name__ == "<lambda>":
            return _LAMBDAS[cls.__name__]
        return f"{made.__name__}()" if inspect.isclass(made) else str(made.__name__)
    if isinstance(default, int) and default >= _MANY_DIGITS:
        return f"{default:_}"
    return repr(default)


def signature_of_class(cls: type[Any]) -> str:
    """Return the signature of a class of attrs: accepted types, written defaults."""
    made = cls.__dict__.get("__new__") or cls.__init__
    parameters: list[str] = []
    for field in attrs.fields(cls):
        if not field.init:
            continue
        if field.kw_only and "*" not in parameters:
            parameters.append("*")
        text = f"{field.alias}: {_type_text(made.__annotations__[field.alias])}"
        if field.default is not attrs.NOTHING:
            text += f" = {_default_text(cls, field.default)}"
        parameters.append(text)
    return f"({', '.join(parameters)})"


def _signature(
    _app: Sphinx,
    what: str,
    _name: str,
    shown: Any,
    _options: Any,
    signature: str | None,
    returned: str | None,
) -> tuple[str | None, str | None] | None:
    if not signature:
        return None
    if what == "class" and (
        issubclass(shown, enum.Enum | FrozenMap)
        or getattr(shown, "_is_protocol", False)
    ):
        return "", None  # its members are made already, or it is never called
    if what == "class" and attrs.has(shown):
        return signature_of_class(shown), None
    signature = re.sub(r"<function (\w+)>", "...", signature)  # the text describes it
    for default, text in _DEFAULTS.items():
        signature = signature.replace(default, text)
    return signature, returned


def _is_skipped(
    _app: Sphinx, _what: str, _name: str, shown: Any, _skips: Any, _options: Any
) -> bool | None:
    return True if isinstance(shown, _TUPLE_FIELD) else None


# How types spell that there is a default.
_DEFAULT_TYPE: Final = re.compile(r"[~.\w]*Literal\[[^]]*\b_Default\.\w+\] \| ")


def _clear_fields(
    _app: Sphinx, domain: str, kind: str, content: addnodes.desc_content
) -> None:
    """Remove what is no use to readers: private types, and that a class returns it."""
    if domain != "py":
        return
    for text in list(content.findall(nodes.Text)):
        shown = _DEFAULT_TYPE.sub("", text)
        if shown != text:
            text.parent.replace(text, nodes.Text(shown))
    if kind != "class":
        return
    for child in content.children:
        if not isinstance(child, nodes.field_list):
            continue
        for field in list(child.children):
            if field.children[0].astext() == "rtype":
                child.remove(field)
        if not child.children:
            content.remove(child)
            return


def _with_public_names(_app: Sphinx, doctree: nodes.document) -> None:
    for reference in list(doctree.findall(addnodes.pending_xref)):
        target = reference["reftarget"]
        if not target.startswith("pinpoint_events."):
            if reference.get("refdomain") == "py" and reference.astext() == target:
                _shorten(reference, target)
            continue
        reference["reftarget"] = _PUBLIC.get(target, target)
        _shorten(reference, target)
    for code in list(doctree.findall(nodes.literal)):
        _link(code)
    for text in list(doctree.findall(nodes.Text)):
        if str(text) == " -- ":  # between a name and what it is
            text.parent.replace(text, nodes.Text(" \N{EN DASH} "))


def _shorten(reference: addnodes.pending_xref, target: str) -> None:
    for text in list(reference.findall(nodes.Text)):
        if str(text) == target:
            text.parent.replace(text, nodes.Text(target.rpartition(".")[2]))


def _link(code: nodes.literal) -> None:
    """Make code that is a public name a link."""
    found = _CODE.fullmatch(code.astext())
    if found is None or found[1] not in _NAMES or found[1] in _NEVER_LINKED:
        return
    name, member, call = found.groups()
    ancestors = list(_ancestors(code))
    kinds = (nodes.reference, addnodes.pending_xref, nodes.title, nodes.term)
    if any(isinstance(each, kinds) for each in ancestors):
        return
    described = [each for each in ancestors if isinstance(each, addnodes.desc)]
    if not described and not member and not call and name in _WIRE_NAMES | _WORDS:
        return
    target = _NAMES[name]
    heads = [each.next_node(addnodes.desc_signature) for each in described]
    if any(head is not None and target in head.get("ids", ()) for head in heads):
        return
    reference = addnodes.pending_xref(
        "", refdomain="py", reftype="obj", reftarget=target, refexplicit=True
    )
    code.replace_self(reference)
    reference += code


def _ancestors(node: nodes.Node) -> list[nodes.Node]:
    found = []
    parent: nodes.Node | None = node.parent
    while parent is not None:
        found.append(parent)
        parent = parent.parent
    return found


def _public_bases(
    _app: Sphinx, _name: str, _cls: type[Any], _options: Any, bases: list[type[Any]]
) -> None:
    """Show what enums are for their users."""
    bases[:] = [enum.StrEnum if each is WordEnum else each for each in bases]


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to what autodoc and the domain do."""
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-skip-member", _is_skipped)
    app.connect("autodoc-process-bases", _public_bases)
    # After autodoc has added the types, and before they get their headings.
    app.connect("object-description-transform", _clear_fields, priority=900)
    app.connect("doctree-read", _with_public_names)
    return {"parallel_read_safe": True}
