# ruff: noqa: SLF001 - what is replaced here are the package's private parts
"""
The package without one of its shortcuts, for `benchmarks.shortcuts`.

An alternative replaces one function of the package, right after the module that holds
it was imported and before another module uses it. All else is the package's own source,
imported once more, so that both variants can run in one process, lap by lap. Functions
that the package generates are changed in their source text: the shortcut is taken out
of it, and the rest stays as it is.
"""

import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from operator import attrgetter
from types import ModuleType
from typing import Any, Final, NamedTuple, get_origin

import attrs
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

_GENERATED: Final = "pinpoint_events.model._generated"
_IMMUTABLE: Final = "pinpoint_events.model._immutable"
_CONVERTER: Final = "pinpoint_events.wire.converter"
_API: Final = "pinpoint_events.wire.api"
_WRITING: Final = "pinpoint_events.wire.writing"
_READING: Final = "pinpoint_events.wire.reading_requests"
_USED: Final = (
    "benchmarks.workload",
    "pinpoint_events.senders",
    "pinpoint_events.server.app_factory",
)
_OURS: Final = ("pinpoint_events", "benchmarks.workload")

Modules = dict[str, ModuleType]
Change = Callable[[Any], None]


class Alternative(NamedTuple):
    """
    What stands in for a shortcut.

    Attributes:
        shortcut: The shortcut that is taken out.
        instead: What does the same.
        changes: Module to what is done to it when it was imported.
    """

    shortcut: str
    instead: str
    changes: Mapping[str, Change]


def variant(alternative: Alternative) -> Modules:
    """Import the package once more, with the alternative; return its modules."""
    modules: Modules = {}
    with installed(modules):
        for name in (_GENERATED, _IMMUTABLE, _CONVERTER):
            module = import_module(name)
            if name in alternative.changes:
                alternative.changes[name](module)
        for name in (_WRITING, _READING):
            if name in alternative.changes:
                alternative.changes[name](sys.modules[name])
        for name in _USED:
            import_module(name)
    return modules


@contextmanager
def installed(modules: Modules) -> Iterator[None]:
    """
    Have import statements within find these modules of the package, and no other.

    Args:
        modules: The modules; those that are imported within are added.
    """
    before = _ours()
    for name in before:
        del sys.modules[name]
    sys.modules.update(modules)
    try:
        yield
    finally:
        modules.update(_ours())
        for name in modules:
            del sys.modules[name]
        sys.modules.update(before)


def _ours() -> dict[str, ModuleType]:
    return {
        name: module
        for name, module in sys.modules.items()
        if name in _OURS or name.startswith("pinpoint_events.")
    }


def _rewriting(rewrite: Callable[[str], str]) -> Change:
    """Return a change: the source that the module generates is rewritten."""

    def change(module: Any) -> None:
        compile_function = module.compile_function

        def rewritten(name: str, source: str, names: dict[str, Any], owner: str) -> Any:
            names["object_new"] = object.__new__
            names["setter_of"] = object.__setattr__.__get__
            if "this" in names:
                for field in attrs.fields(names["this"]):
                    slot = getattr(names["this"], field.name)
                    names[f"set_{field.name}"] = slot.__set__
                names["set__hash"] = names["this"]._hash.__set__
            return compile_function(name, rewrite(source), names, owner)

        module.compile_function = rewritten

    return change


# --- Drafts of model objects ----------------------------------------------------------


def _rule_for_frozen(cls: Any) -> None:
    """Have the rule between fields set a derived member of a frozen object."""
    if cls.__name__ != "Session":
        return
    source = textwrap.dedent(inspect.getsource(cls._broken_rule))
    changed = source.replace("self.duration = length", "derive(self, length)")
    if changed == source:
        raise AssertionError("Session no longer sets its duration this way")
    names = {**vars(sys.modules[cls.__module__]), "derive": cls.duration.__set__}
    exec(changed, names)
    cls._broken_rule = names["_broken_rule"]


def _frozen_from_start(rewrite: Callable[[str], str]) -> Change:
    def change(module: Any) -> None:
        _rewriting(rewrite)(module)
        make = module.constructor

        def make_constructor(cls: Any, *arguments: Any, **parts: Any) -> Any:
            _rule_for_frozen(cls)
            return make(cls, *arguments, **parts)

        module.constructor = make_constructor

    return change


_ASSIGNMENT: Final = re.compile(r"draft\.(\w+) = (.+)")


def _by_slots(source: str) -> str:
    source = source.replace("draft = Draft()", "draft = object_new(this)")
    source = source.replace("    draft.__class__ = this\n", "")
    return _ASSIGNMENT.sub(r"set_\1(draft, \2)", source)


def _by_setattr(source: str) -> str:
    source = source.replace(
        "draft = Draft()", "draft = object_new(this); put = setter_of(draft)"
    )
    source = source.replace("    draft.__class__ = this\n", "")
    return _ASSIGNMENT.sub(r"put('\1', \2)", source)


def _by_attrs(module: Any, complete: Callable[[Any], None]) -> None:
    """Let attrs' own `__init__` convert and set, and one hook after it collect."""
    immutable = module.Immutable
    refused = module.Refused
    set_hash = immutable._hash.__set__

    def collect(self: Any) -> None:
        kind = type(self)
        if refused in map(type, kind._all(self)) or self._broken_rule() is not None:
            module._refuse(kind, self)
        set_hash(self, None)

    def init_subclass(cls: Any) -> None:
        names = [field.name for field in attrs.fields(cls)]
        compared = [field.name for field in attrs.fields(cls) if field.eq]
        cls._compared = attrgetter(*compared)
        cls._all = attrgetter(*names, names[0])  # a tuple, if of one name too
        cls.__hash__ = immutable.__hash__
        _rule_for_frozen(cls)
        complete(cls)

    immutable.__attrs_post_init__ = collect
    immutable.__attrs_init_subclass__ = classmethod(init_subclass)


def _attrs_init(module: Any) -> None:
    """`__init__` is attrs' own; the hook before it refuses a second call."""

    def refuse_second(self: Any) -> None:
        if hasattr(self, "_hash"):
            raise attrs.exceptions.FrozenInstanceError

    module.Immutable.__attrs_pre_init__ = refuse_second
    _by_attrs(module, lambda _: None)


def _attrs_init_in_new(module: Any) -> None:
    """`__new__` calls what attrs has generated, and no one else can."""

    def complete(cls: Any) -> None:
        fill = cls.__init__
        del cls.__init__
        make = object.__new__

        def new(kind: Any, *arguments: Any, **members: Any) -> Any:
            obj = make(kind)
            fill(obj, *arguments, **members)
            return obj

        cls.__new__ = new
        first, *parameters = inspect.signature(fill).parameters.values()
        del first  # self
        cls.__signature__ = inspect.Signature(parameters)

    _by_attrs(module, complete)


def _calls_class(module: Any) -> None:
    """Have readers call the class: its `__new__` alone fills nothing."""
    _rewriting(lambda source: source.replace("new(this, ", "this("))(module)


def _forget(converter: Any) -> None:
    """Let the functions of each class be found anew."""
    api: Any = sys.modules[_API]
    for found in (converter.converter, api.writer, api._reader):
        found.cache_clear()


# --- Writers --------------------------------------------------------------------------


def _writers(make: Callable[[Any], Any]) -> Change:
    def change(module: Any) -> None:
        made = make(module)
        module.make_writer = made
        converter: Any = sys.modules[_CONVERTER]
        converter.make_writer = made
        _forget(converter)

    return change


_inner: Final = attrgetter("_data")


def _inner_copy(value: Any) -> Any:
    return value._data.copy()


def _write_value(
    module: Any, field: Any, writer_of: Any, *, shares: bool
) -> Callable[[Any], Any] | None:
    kind = module.member_type(field)
    write: Any = module._writer_of(kind, writer_of, shares=shares)
    if write is None and get_origin(field.type) is module.FrozenMap:
        return _inner if shares else _inner_copy
    found: Callable[[Any], Any] | None = write
    return found


def _cattrs_writer(module: Any) -> Any:
    from cattrs.fns import identity  # noqa: PLC0415 - as good as no hook

    def make_writer(cls: type[Any], writer_of: Any, *, shares: bool) -> Any:
        overrides: dict[str, Any] = {}
        for field in attrs.fields(cls):
            write = _write_value(module, field, writer_of, shares=shares)
            is_made = isinstance(field.default, attrs.Factory)  # type: ignore[arg-type]
            overrides[field.name] = override(
                rename=module.wire_name(field.name),
                omit=None if field.eq else True,
                omit_if_default=not is_made,
                unstruct_hook=identity if write is None else write,
            )
        return make_dict_unstructure_fn(cls, writer_of.__self__, **overrides)

    return make_writer


def _loop_writer(module: Any) -> Any:
    def make_writer(cls: type[Any], writer_of: Any, *, shares: bool) -> Any:
        members = [
            (
                field.name,
                module.wire_name(field.name),
                field.default is attrs.NOTHING,
                get_origin(field.type) is module.FrozenMap,
                _write_value(module, field, writer_of, shares=shares),
            )
            for field in attrs.fields(cls)
            if field.eq
        ]

        def write(obj: Any) -> dict[str, Any]:
            wire = {}
            for name, key, is_required, is_mapping, write_value in members:
                value = getattr(obj, name)
                if is_required or (value._data if is_mapping else value is not None):
                    wire[key] = value if write_value is None else write_value(value)
            return wire

        return write

    return make_writer


# --- Readers of requests --------------------------------------------------------------


class _Reading(NamedTuple):
    """What a reader of one class is made of."""

    cls: type[Any]
    names: Mapping[str, str]
    readers: Mapping[str, Callable[[Any], Any] | None]
    wanted: frozenset[str]
    patient: Callable[[Any, Any], Any]


def _readers(make: Callable[[Any, _Reading, Any], Any]) -> Change:
    def change(module: Any) -> None:
        def make_reader(cls: type[Any], reader_of: Any) -> Any:
            fields = attrs.fields(cls)
            names = {module.wire_name(field.name): field.name for field in fields}
            readers = {
                field.name: module._reader_of(module.member_type(field), reader_of)
                for field in fields
            }
            required = [
                field.name
                for field in fields
                if field.default is attrs.NOTHING
                or (cls, field.name) == (module.Event, "timestamp")
            ]
            reading = _Reading(
                cls,
                names,
                readers,
                frozenset(map(module.wire_name, required)),
                module._make_general_reader(cls, names, readers, required),
            )
            return make(module, reading, reader_of.__self__)

        converter: Any = sys.modules[_CONVERTER]
        converter.make_reader = make_reader
        _forget(converter)

    return change


def _overrides(reading: _Reading) -> dict[str, Any]:
    """Return cattrs' overrides; where there is no hook, the constructor converts."""

    def hook(read: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
        return lambda value, _: read(value)

    return {
        name: override(
            rename=key,
            struct_hook=None if (read := reading.readers[name]) is None else hook(read),
        )
        for key, name in reading.names.items()
    }


def _cattrs_reader(*, is_detailed: bool) -> Callable[[Any, _Reading, Any], Any]:
    """Return what makes cattrs' reader; what it refuses is read again, patiently."""

    def make(_: Any, reading: _Reading, converter: Any) -> Any:
        structure: Any = make_dict_structure_fn(
            reading.cls,
            converter,
            _cattrs_forbid_extra_keys=True,
            _cattrs_detailed_validation=is_detailed,
            _cattrs_prefer_attrib_converters=True,
            **_overrides(reading),
        )
        patient, wanted = reading.patient, reading.wanted

        def read(data: Any, kind: Any) -> Any:
            is_usual = type(data) is dict and data.keys() >= wanted
            if not is_usual or None in data.values():
                return patient(data, kind)
            try:
                return structure(data, kind)
            except Exception:  # noqa: BLE001 - it is explained by reading it again
                return patient(data, kind)

        return read

    return make


def _checked_reader(module: Any, reading: _Reading, converter: Any) -> Any:
    """Return cattrs' reader behind a test of the keys; nothing is read twice."""
    structure: Any = make_dict_structure_fn(
        reading.cls,
        converter,
        _cattrs_forbid_extra_keys=False,
        _cattrs_detailed_validation=False,
        _cattrs_prefer_attrib_converters=True,
        **_overrides(reading),
    )
    patient, wanted, known = reading.patient, reading.wanted, reading.names.keys()
    error_type = module.ValidationError

    def read(data: Any, kind: Any) -> Any:
        is_usual = type(data) is dict and known >= data.keys() >= wanted
        if not is_usual or None in data.values():
            return patient(data, kind)
        try:
            return structure(data, kind)
        except error_type as error:
            problems = map(module._member_in_wire_name, error.problems)
            raise error_type(problems) from None

    return read


def _patient(_: Any, reading: _Reading, __: Any) -> Any:
    return reading.patient


NOTHING: Final = Alternative("nothing", "the same", {})
ALTERNATIVES: Final = (
    NOTHING,
    Alternative(
        "drafts of objects",
        "`__set__` of slots",
        {_GENERATED: _frozen_from_start(_by_slots)},
    ),
    Alternative(
        "drafts of objects",
        "`object.__setattr__`",
        {_GENERATED: _frozen_from_start(_by_setattr)},
    ),
    Alternative(
        "drafts and `__new__`",
        "attrs' `__init__`, pre- and post-init hooks",
        {_GENERATED: _calls_class, _IMMUTABLE: _attrs_init},
    ),
    Alternative(
        "drafts and `__new__`",
        "`__new__` that calls attrs' `__attrs_init__`",
        {_IMMUTABLE: _attrs_init_in_new},
    ),
    Alternative(
        "generated writers",
        "`make_dict_unstructure_fn`",
        {_WRITING: _writers(_cattrs_writer)},
    ),
    Alternative("generated writers", "a loop", {_WRITING: _writers(_loop_writer)}),
    Alternative(
        "generated readers",
        "`make_dict_structure_fn`",
        {_READING: _readers(_cattrs_reader(is_detailed=False))},
    ),
    Alternative(
        "generated readers",
        "the same, detailed validation",
        {_READING: _readers(_cattrs_reader(is_detailed=True))},
    ),
    Alternative(
        "generated readers",
        "the same, keys tested first",
        {_READING: _readers(_checked_reader)},
    ),
    Alternative(
        "generated readers", "the general reader", {_READING: _readers(_patient)}
    ),
)
