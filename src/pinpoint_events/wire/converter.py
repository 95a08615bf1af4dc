"""The cattrs converter: it finds the function that reads or writes a class."""

from functools import cache, partial
from operator import eq

from cattrs import Converter

from pinpoint_events.model.response import ItemResponse
from pinpoint_events.wire.reading_requests import make_reader
from pinpoint_events.wire.writing import is_model, make_item_writer, make_writer

__all__ = ["converter"]


@cache
def converter(*, shares: bool = False) -> Converter:
    """
    Return the converter.

    Args:
        shares: Whether what it writes may contain the dicts inside the objects.
    """
    found = Converter()
    writer_of = found.get_unstructure_hook
    found.register_unstructure_hook_factory(
        is_model, partial(make_writer, writer_of=writer_of, shares=shares)
    )
    # cattrs asks what was registered last first.
    found.register_unstructure_hook_factory(
        partial(eq, ItemResponse),
        partial(make_item_writer, writer_of=writer_of, shares=shares),
    )
    found.register_structure_hook_factory(
        is_model, partial(make_reader, reader_of=found.get_structure_hook)
    )
    return found
