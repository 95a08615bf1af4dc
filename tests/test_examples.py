import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.model import MapShape, Shape, StructureShape
from botocore.validate import validate_parameters

from pinpoint_events import EventsRequest, check_quotas, from_json, to_wire
from pinpoint_events.cli import main
from tests.samples import ROOT, example

REQUESTS = ("request-all-members.json", "request-android-2022.json")


def request_shape() -> Any:
    """Return what botocore knows of the request."""
    service = botocore.session.Session().get_service_model("pinpoint")
    return service.operation_model("PutEvents").input_shape.members["EventsRequest"]


def missing_members(shape: Shape, data: Any, path: str = "") -> Iterator[str]:
    """Yield each member that the service documents and the data do not have."""
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            if name in data:
                yield from missing_members(member, data[name], f"{path}.{name}")
            else:
                yield f"{path}.{name}"
    elif isinstance(shape, MapShape):
        if not data:
            yield f"{path}.*"
        for value in data.values():
            yield from missing_members(shape.value, value, f"{path}.*")


class TestRequests:
    """The requests in `examples/` are what users can begin with."""

    def test_all_members_are_there(self) -> None:
        """One of them has every member that the service documents, to the last."""
        shape = request_shape()
        assert list(missing_members(shape, example("request-all-members.json"))) == []

    def test_a_missing_member_would_be_found(self) -> None:
        """The walk above goes through members, mappings and their values."""
        data = example("request-all-members.json")
        (batch,) = data["BatchItem"].values()
        (event,) = batch["Events"].values()
        del event["Session"]["StopTimestamp"], batch["Endpoint"]["OptOut"]
        batch["Endpoint"]["Metrics"] = {}
        assert list(missing_members(request_shape(), data)) == [
            ".BatchItem.*.Endpoint.Metrics.*",
            ".BatchItem.*.Endpoint.OptOut",
            ".BatchItem.*.Events.*.Session.StopTimestamp",
        ]

    @pytest.mark.parametrize("name", REQUESTS)
    def test_botocore_takes_them(self, name: str) -> None:
        """The AWS CLI and boto3 take them as they are."""
        validate_parameters(example(name), request_shape())

    @pytest.mark.parametrize("name", REQUESTS)
    def test_are_within_the_quotas(self, name: str) -> None:
        """They break no rule and no quota."""
        data = (ROOT / "examples" / name).read_bytes()
        assert check_quotas(from_json(EventsRequest, data)) == ()

    def test_nothing_of_all_members_is_lost(self) -> None:
        """Read and written again, the request is the same."""
        data = example("request-all-members.json")
        assert to_wire(from_json(EventsRequest, json.dumps(data))) == data

    @pytest.mark.parametrize("name", REQUESTS)
    def test_are_sent(
        self, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The command sends them, and afterwards the store has their events."""
        request = example(name)
        code = main(
            [
                "put-events",
                f"--events-request=file://{ROOT / 'examples' / name}",
                f"--to=sqlite:///{tmp_path / 'events.db'}",
            ]
        )
        out, err = capsys.readouterr()
        taken = {"Message": "Accepted", "StatusCode": 202}
        results = {
            endpoint_id: {
                "EndpointItemResponse": taken,
                "EventsItemResponse": dict.fromkeys(batch["Events"], taken),
            }
            for endpoint_id, batch in request["BatchItem"].items()
        }
        assert (code, err) == (0, "")
        assert json.loads(out) == {"EventsResponse": {"Results": results}}
        with closing(sqlite3.connect(tmp_path / "events.db")) as store:
            found = store.execute("SELECT endpoint_id, event_id FROM events").fetchall()
        assert found == [
            (endpoint_id, event_id)
            for endpoint_id, batch in request["BatchItem"].items()
            for event_id in batch["Events"]
        ]

    def test_the_demo_has_a_copy(self) -> None:
        """What the demo sends comes with the package, and is the recorded request."""
        file = resources.files("pinpoint_events.cli").joinpath("demo-request.json")
        recorded = ROOT / "examples" / "request-android-2022.json"
        assert file.read_bytes() == recorded.read_bytes()
