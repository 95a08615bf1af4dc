"""Tests of the generated functions: their source can be seen where it matters."""

import inspect
import linecache
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import pytest

from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.event import Event
from pinpoint_events.model.request import EventsRequest
from pinpoint_events.wire.api import writer
from tests.samples import REQUEST


class Failing(Mapping[str, str]):
    """A mapping of the caller's that cannot be read."""

    def __getitem__(self, key: str) -> str:
        raise RuntimeError("not today")

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("not today")

    def __len__(self) -> int:
        return 1


class TestSource:
    """Tracebacks and debuggers show the source of generated functions."""

    def test_in_a_traceback(self) -> None:
        """The line of the constructor that failed is shown."""
        broken: Any = Failing()
        with pytest.raises(RuntimeError) as caught:
            Event("tapped", attributes=broken)
        shown = "".join(traceback.format_exception(caught.value))
        assert "<pinpoint_events generated __new__ of Event>" in shown
        assert "attributes = convert_attributes(attributes)" in shown

    def test_stays(self) -> None:
        """It is still there after files were checked for changes."""
        linecache.checkcache()
        assert "draft = Draft()" in inspect.getsource(Endpoint.__new__)

    def test_of_writers(self) -> None:
        """A writer's source names each member, and none of the object's data."""
        write = writer(EventsRequest)
        source = inspect.getsource(write)
        assert "wire['BatchItem'] = write_batch_item(value)" in source
        assert write(REQUEST)["BatchItem"]

    @pytest.mark.parametrize("cls", [Endpoint, Event])
    def test_signature(self, cls: type[Any]) -> None:
        """The signature is that of the fields, with their defaults."""
        parameters = inspect.signature(cls).parameters
        assert list(parameters) == [field.name for field in attrs.fields(cls)]
