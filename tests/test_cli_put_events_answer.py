import json
from collections.abc import Mapping
from typing import Any

import botocore.session
import pytest

from pinpoint_events import EventsResponse, from_json, from_wire
from pinpoint_events.cli.put_events._answer import answer_data

ACCEPTED = {"StatusCode": 202, "Message": "Accepted"}


def text_of(data: object) -> str:
    """Return data as text: the order of members counts."""
    return json.dumps(data, ensure_ascii=False)


def heard(body: bytes) -> str:
    """Return what is printed of a single answer of the service."""
    return text_of(answer_data(from_json(EventsResponse, body or b"{}"), [body]))


def typed(results: object) -> str:
    """Return what is printed of an answer that came from somewhere else."""
    return text_of(answer_data(from_wire(EventsResponse, {"Results": results}), []))


class TestTyped:
    """Without a single body, there is the typed answer."""

    @pytest.mark.parametrize(
        "results, printed",
        [
            ({}, {}),
            ({"e-1": 202, "e-2": 400}, {"Results": {"e-1": 202, "e-2": 400}}),
            (
                {"z": {"EndpointItemResponse": {}}, "a": {"EventsItemResponse": {}}},
                {"Results": {"z": {"EndpointItemResponse": {}}, "a": {}}},
            ),
            (
                {"e": {"EventsItemResponse": {"v": {"StatusCode": 202, "More": 1}}}},
                {"Results": {"e": {"EventsItemResponse": {"v": {"StatusCode": 202}}}}},
            ),
        ],
        ids=["nothing", "bare codes", "empty items", "unknown members"],
    )
    def test_shapes(
        self, results: Mapping[str, Any], printed: Mapping[str, Any]
    ) -> None:
        """Items stand in the order in which they came; what is empty is left out."""
        assert typed(results) == text_of({"EventsResponse": printed})

    def test_of_several_answers(self) -> None:
        """So it is where answers were put together: no body says all."""
        response = from_wire(EventsResponse, {"Results": {"e": 202}})
        found = answer_data(response, [b'{"Results": {}}', b'{"Results": {}}'])
        assert found == {"EventsResponse": {"Results": {"e": 202}}}

    @pytest.mark.parametrize("way", ["typed", "heard"])
    def test_order_of_members(self, way: str) -> None:
        """Members stand in the order of botocore's description, as the CLI has them."""
        service = botocore.session.Session().get_service_model("pinpoint")
        response = service.shape_for("EventsResponse")
        item = response.members["Results"].value
        results = {
            "e-1": {
                "EventsItemResponse": {"v-1": ACCEPTED},
                "EndpointItemResponse": ACCEPTED,
            }
        }
        body = json.dumps({"Results": results}).encode()
        text = typed(results) if way == "typed" else heard(body)
        (found,) = json.loads(text)["EventsResponse"]["Results"].values()
        of_endpoint, of_events = found.values()
        assert list(found) == list(item.members)
        names = list(item.members["EndpointItemResponse"].members)
        assert list(of_endpoint) == list(of_events["v-1"]) == names


class TestHeard:
    """A single answer of the service is printed member for member."""

    @pytest.mark.parametrize(
        "body, printed",
        [
            (b"", "{}"),
            (b"{}", "{}"),
            (b'{"Results": null, "More": 1}', "{}"),
            (b'{"Results": {}}', '{"Results": {}}'),
            (
                b'{"Results": {"e": null, "f": {"EventsItemResponse": {"v": null}}}}',
                '{"Results": {"e": null, "f": {"EventsItemResponse": {"v": null}}}}',
            ),
            (
                b'{"Results": {"e": {"EventsItemResponse": {}, "More": []}}}',
                '{"Results": {"e": {"EventsItemResponse": {}}}}',
            ),
            (
                (
                    b'{"Results": {"e": {"EndpointItemResponse": '
                    b'{"StatusCode": "202", "Message": ["b", 1]}}}}'
                ),
                (
                    '{"Results": {"e": {"EndpointItemResponse": '
                    '{"Message": ["b", 1], "StatusCode": 202}}}}'
                ),
            ),
            (
                (
                    b'{"Results": {"\\ud800": {"EndpointItemResponse": '
                    b'{"Message": "b\\u00fc\\udfff"}}}}'
                ),
                '{"Results": {"?": {"EndpointItemResponse": {"Message": "bü?"}}}}',
            ),
        ],
    )
    def test_is_printed(self, body: bytes, printed: str) -> None:
        """What is empty or null stays, unless the AWS CLI itself leaves it out."""
        assert heard(body) == f'{{"EventsResponse": {printed}}}'

    @pytest.mark.parametrize(
        "body, printed",
        [
            (b'{"Results": {"e": 202}}', '{"Results": {"e": 202}}'),
            (b'{"Results": []}', "{}"),
            (
                b'{"Results": {"e": {"EndpointItemResponse": {"StatusCode": "x"}}}}',
                '{"Results": {"e": {"EndpointItemResponse": {}}}}',
            ),
            (
                b'{"Results": {"e": {"EventsItemResponse": {"v": 400}}}}',
                (
                    '{"Results": {"e": {"EventsItemResponse": '
                    '{"v": {"StatusCode": 400}}}}}'
                ),
            ),
        ],
        ids=["bare code", "list", "no code", "bare code of an event"],
    )
    def test_is_read_typed(self, body: bytes, printed: str) -> None:
        """What is unlike the description, and stops the AWS CLI, is printed as read."""
        assert heard(body) == f'{{"EventsResponse": {printed}}}'

    def test_that_is_no_json(self) -> None:
        """No body, however it got here, prevents an answer."""
        assert answer_data(EventsResponse(), [b"<html>"]) == {"EventsResponse": {}}
