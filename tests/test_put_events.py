"""Tests of the call, sans-IO: what goes out, and what an answer means."""

import json
from collections.abc import Mapping

import pytest

from pinpoint_events.errors import (
    BadRequestError,
    ConfigurationError,
    ForbiddenError,
    InternalServerError,
    InvalidResponseError,
    MethodNotAllowedError,
    NotFoundError,
    PayloadTooLargeError,
    ServiceError,
    TooManyRequestsError,
)
from pinpoint_events.http_messages import HttpRequest, HttpResponse
from pinpoint_events.model.endpoint import Endpoint
from pinpoint_events.model.request import EventsBatch, EventsRequest
from pinpoint_events.model.response import (
    EndpointItemResponse,
    EventItemResponse,
    EventsResponse,
    ItemResponse,
    Outcome,
)
from pinpoint_events.put_events import (
    events_response,
    http_request,
    merged_response,
    without,
)
from pinpoint_events.service_errors import service_error
from tests.samples import ENDPOINT, REQUEST, event, golden


def answer(body: bytes | str = b"", status: int = 202, **headers: str) -> HttpResponse:
    """Return an answer as it came; `_` in the name of a header stands for `-`."""
    return HttpResponse(
        status=status,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        body=body.encode() if isinstance(body, str) else body,
    )


class TestHttpRequest:
    """A request becomes one HTTP request, to be signed and sent by others."""

    def test_whole(self) -> None:
        """Method, path, one header, and the text of the request."""
        assert http_request("0123456789abcdef", REQUEST) == HttpRequest(
            method="POST",
            path="/v1/apps/0123456789abcdef/events",
            headers={"Content-Type": "application/json"},
            body=golden("request.json"),
        )

    @pytest.mark.parametrize(
        "application_id, path",
        [
            ("app/1", "/v1/apps/app%2F1/events"),
            ("a b?c#d%e", "/v1/apps/a%20b%3Fc%23d%25e/events"),
            ("ü", "/v1/apps/%C3%BC/events"),
            ("-_.~", "/v1/apps/-_.~/events"),
            ("...", "/v1/apps/.../events"),
        ],
    )
    def test_path(self, application_id: str, path: str) -> None:
        """The application id is one step of the path, whatever is in it."""
        assert http_request(application_id, REQUEST).path == path

    @pytest.mark.parametrize("application_id", ["", ".", ".."])
    def test_no_step_of_a_path(self, application_id: str) -> None:
        """These would lead elsewhere."""
        with pytest.raises(ConfigurationError) as caught:
            http_request(application_id, REQUEST)
        assert str(caught.value) == (
            "the application id is empty or dots; pass that of your Pinpoint project"
        )

    def test_repr_has_no_payload(self) -> None:
        """Neither that of a request nor that of an answer shows the body."""
        assert "sku-17" not in repr(http_request("app", REQUEST))
        assert "sku-17" not in repr(answer("sku-17"))


class TestEventsResponse:
    """What a 2xx means, item by item."""

    @pytest.mark.parametrize("status", [200, 202, 207, 299])
    def test_results(self, status: int) -> None:
        """Any 2xx is read alike; the request id comes from the headers."""
        read = events_response(
            answer(golden("response-2022.json"), status, x_amzn_requestid="8f3c")
        )
        ((_, item),) = read.results.items()
        assert item.endpoint_item_response == EndpointItemResponse(
            status_code=202, message="Accepted"
        )
        assert read.request_id == "8f3c"

    @pytest.mark.parametrize(
        "body", [b"", b" \r\n", b"{}", b'{"Results":null}', b'{"Results":[]}']
    )
    def test_nothing_is_known(self, body: bytes) -> None:
        """Then everything is unreported: it may have been accepted."""
        read = events_response(answer(body, x_amzn_requestid="8f3c"))
        assert read.request_id == "8f3c"
        assert {each.outcome for each in read.outcomes(REQUEST)} == {Outcome.UNREPORTED}

    @pytest.mark.parametrize(
        "body", [b"<html>", b"null", b"[]", b"202", b'"Accepted"', b"{", b"\xff"]
    )
    def test_no_json_object(self, body: bytes) -> None:
        """The body says yes to no one knows what; to send again would not be safe."""
        with pytest.raises(InvalidResponseError) as caught:
            events_response(
                answer(body, 200, content_type="text/html", x_amzn_requestid="8f3c")
            )
        error = caught.value
        assert str(error) == (
            f"the answer (HTTP 200, {len(body)} bytes of 'text/html') is no JSON "
            "object; the events may have been accepted; check the endpoint URL "
            "(request id 8f3c)"
        )
        assert not error.is_retry_safe
        assert error.__cause__ is None

    @pytest.mark.parametrize(
        "headers, description",
        [
            ({}, "no stated type"),
            ({"content_type": ""}, "no stated type"),
            ({"content_type": "x" * 1_000}, repr("x" * 59 + "…")),
            ({"content_type": "a\nb"}, r"'a\nb'"),
        ],
        ids=range(4),
    )
    def test_type_of_the_body(self, headers: dict[str, str], description: str) -> None:
        """It is shown as far as it helps."""
        with pytest.raises(InvalidResponseError) as caught:
            events_response(answer(b"?", 202, **headers))
        assert caught.value.message.startswith(
            f"the answer (HTTP 202, 1 bytes of {description}) is no JSON object; "
        )

    @pytest.mark.parametrize("status", [100, 302, 400, 404, 500])
    def test_refused(self, status: int) -> None:
        """Anything but 2xx is an error, whatever the body says."""
        with pytest.raises(ServiceError) as caught:
            events_response(answer(golden("response-2022.json"), status))
        assert caught.value.status == status


class TestServiceError:
    """What an answer other than 2xx stands for."""

    @pytest.mark.parametrize(
        "status, cls",
        [
            (400, BadRequestError),
            (403, ForbiddenError),
            (404, NotFoundError),
            (405, MethodNotAllowedError),
            (413, PayloadTooLargeError),
            (429, TooManyRequestsError),
            (500, InternalServerError),
            (502, InternalServerError),
            (503, InternalServerError),
            (599, InternalServerError),
            (302, ServiceError),
            (401, ServiceError),
            (409, ServiceError),
            (600, ServiceError),
        ],
    )
    def test_class_by_status(self, status: int, cls: type[ServiceError]) -> None:
        """The service's type name does not choose: it says what it likes."""
        response = answer("{}", status, x_amzn_errortype="BadRequestException")
        error = service_error(response)
        assert type(error) is cls
        assert (error.status, error.code) == (status, "BadRequestException")

    def test_modelled(self) -> None:
        """As a 400 came: aws-sdk-ios issue 861."""
        error = service_error(
            answer(
                '{"Message":"Missing Address"}',
                400,
                x_amzn_errortype="BadRequestException",
                x_amzn_requestid="8f3c",
            )
        )
        assert (error.code, error.message, error.request_id) == (
            "BadRequestException",
            "Missing Address",
            "8f3c",
        )
        assert str(error) == (
            "BadRequestException (HTTP 400): Missing Address; correct the request; "
            "check_quotas() names what is over a quota; request 8f3c"
        )

    def test_request_id_in_the_body(self) -> None:
        """As another 400 came, without the headers: amplify-js issue 1378."""
        message = "Exceeded maximum endpoint per user count 10"
        body = json.dumps({"RequestID": "1c2d", "Message": message})
        error = service_error(answer(body, 400))
        assert (error.code, error.message, error.request_id) == ("400", message, "1c2d")

    def test_denied(self) -> None:
        """A denial has a lower-case message: amplify-swift issue 841."""
        error = service_error(
            answer(
                '{"message":"User is not authorized to perform: x"}',
                403,
                x_amzn_errortype="AccessDeniedException",
            )
        )
        assert type(error) is ForbiddenError
        assert error.code == "AccessDeniedException"
        assert error.message.startswith("User is not authorized")

    @pytest.mark.parametrize(
        "body, status, code, message",
        [
            ('{"message":"Forbidden"}', 403, "403", "Forbidden"),
            ('{"message":null}', 504, "504", ""),
            ('{"Message":null,"message":"late"}', 504, "504", "late"),
            ('{"Message":{"text":"x"}}', 500, "500", ""),
            ("<html><body>502 Bad Gateway</body></html>", 502, "502", ""),
            ("", 413, "413", ""),
            ("[]", 404, "404", ""),
            ("\\xff", 500, "500", ""),
            ('{"__type":"NotFoundException"}', 404, "NotFoundException", ""),
            (
                '{"__type":"com.amazonaws#NotFoundException"}',
                404,
                "NotFoundException",
                "",
            ),
            ('{"code":"Busy"}', 503, "Busy", ""),
            ('{"code":17}', 503, "503", ""),
            ('{"__type":7,"code":"Busy"}', 503, "Busy", ""),
            ('{"Message":"odd \\ud800 text"}', 400, "400", "odd ? text"),
        ],
        ids=range(14),
    )
    def test_bodies(self, body: str, status: int, code: str, message: str) -> None:
        """Of API Gateway, of proxies, of others, or none at all."""
        error = service_error(answer(body, status))
        assert (error.status, error.code, error.message) == (status, code, message)
        assert str(error).encode()

    @pytest.mark.parametrize(
        "header, code",
        [
            (
                "BadRequestException:http://internal.amazon.com/x#y",
                "BadRequestException",
            ),
            ("ns#BadRequestException", "BadRequestException"),
            (" BadRequestException ", "BadRequestException"),
            ("", "Named"),
            (":", "Named"),
        ],
    )
    def test_code(self, header: str, code: str) -> None:
        """Without namespace and URL; where the header has none, the body's."""
        response = answer('{"__type":"Named"}', 400, x_amzn_errortype=header)
        assert service_error(response).code == code

    def test_long_messages_are_cut(self) -> None:
        """A page of text is no message."""
        response = answer(
            json.dumps({"Message": "x" * 5_000, "__type": "y" * 5_000}), 400
        )
        error = service_error(response)
        assert (len(error.message), len(error.code)) == (1_000, 1_000)

    @pytest.mark.parametrize(
        "headers, request_id",
        [
            ({"x_amzn_requestid": "a", "x_amz_request_id": "b"}, "a"),
            ({"x_amz_request_id": "b"}, "b"),
            ({}, "c"),
        ],
    )
    def test_request_id(self, headers: dict[str, str], request_id: str) -> None:
        """A header's comes before the body's."""
        response = answer('{"RequestID":"c"}', 400, **headers)
        assert service_error(response).request_id == request_id

    @pytest.mark.parametrize("body", ["", '{"RequestID":7}', '{"RequestID":""}'])
    def test_no_request_id(self, body: str) -> None:
        """There may be none."""
        assert service_error(answer(body, 400)).request_id is None


class TestRetryAfter:
    """How long the service asks to wait; it has three ways to say so."""

    @pytest.mark.parametrize(
        "headers, seconds",
        [
            ({}, None),
            ({"retry-after": "3"}, 3.0),
            ({"retry-after": " 3 "}, 3.0),
            ({"retry-after": "0"}, 0.0),
            ({"retry-after": "9" * 9}, 999_999_999.0),
            ({"retry-after": "9" * 10}, None),
            ({"x-amz-retry-after": "9" * 9}, 999_999.999),
            ({"x-amz-retry-after": "9" * 10, "retry-after": "3"}, 3.0),
            ({"x-amz-retry-after": "1500"}, 1.5),
            ({"x-amz-retry-after": "1500", "retry-after": "3"}, 1.5),
            ({"x-amz-retry-after": "soon", "retry-after": "3"}, 3.0),
            (
                {
                    "retry-after": "Tue, 24 Nov 2026 09:30:05 GMT",
                    "date": "Tue, 24 Nov 2026 09:30:00 GMT",
                },
                5.0,
            ),
            (
                {
                    "retry-after": "Tue, 24 Nov 2026 09:29:00 GMT",
                    "date": "Tue, 24 Nov 2026 09:30:00 GMT",
                },
                0.0,
            ),
            ({"retry-after": "Tue, 24 Nov 2026 09:30:05 GMT"}, None),
            ({"retry-after": "Tue, 24 Nov 2026 09:30:05 GMT", "date": "today"}, None),
            (
                {
                    "retry-after": "Tue, 24 Nov 2026 09:30:05 -0000",
                    "date": "Tue, 24 Nov 2026 09:30:00 GMT",
                },
                None,
            ),
            (
                {
                    "retry-after": "Tue, 24 Nov 2026 09:30:05 +9999999999999",
                    "date": "Tue, 24 Nov 2026 09:30:00 GMT",
                },
                None,
            ),
            ({"retry-after": "-3"}, None),
            ({"retry-after": "1.5"}, None),
            ({"retry-after": "soon"}, None),
            ({"retry-after": ""}, None),
            ({"retry-after": "٣"}, None),
            ({"retry-after": "9" * 400}, None),
            ({"x-amz-retry-after": "9" * 5_000}, None),
        ],
        ids=range(24),
    )
    def test_wait(self, headers: Mapping[str, str], seconds: float | None) -> None:
        """Milliseconds, seconds or a date; anything else is no wait that is meant."""
        response = HttpResponse(status=503, headers=headers, body=b"")
        assert service_error(response).retry_after_seconds == seconds


def batch(*event_ids: str, endpoint: Endpoint = ENDPOINT) -> EventsBatch:
    """Return a batch of events by their ids."""
    return EventsBatch(
        endpoint=endpoint, events={event_id: event(event_id) for event_id in event_ids}
    )


def item(endpoint: int | None = None, **events: int) -> ItemResponse:
    """Return what became of an endpoint and of its events, by their codes."""
    return ItemResponse(
        endpoint_item_response=None
        if endpoint is None
        else EndpointItemResponse(status_code=endpoint),
        events_item_response={
            event_id: EventItemResponse(status_code=code)
            for event_id, code in events.items()
        },
    )


def codes(response: EventsResponse, sent: EventsRequest) -> list[int | None]:
    """Return the code of each item of the request."""
    return [
        None if each.response is None else each.response.status_code
        for each in response.outcomes(sent)
    ]


class TestMergedResponse:
    """What is known after some items were sent a second time."""

    def merged(
        self,
        first: EventsResponse,
        second: EventsResponse,
        *,
        unreported: bool = False,
    ) -> EventsResponse:
        """Return what is known of `sent` after both answers."""
        again = self.sent.retry(first, unreported=unreported)
        assert again is not None
        return merged_response(self.sent, first, again, second)

    sent = EventsRequest(batch_item={"e": batch("v", "w"), "f": batch("x")})

    def test_second_answer_counts(self) -> None:
        """For what was sent again; the rest keeps its first answer."""
        first = EventsResponse(
            results={"e": item(202, v=500, w=400), "f": item(202, x=202)}
        )
        second = EventsResponse(results={"e": item(202, v=202)})
        merged = self.merged(first, second)
        assert codes(merged, self.sent) == [202, 202, 400, 202, 202]

    def test_settled_endpoint_stays(self) -> None:
        """That the empty endpoint beside a second try was taken says nothing of it."""
        first = EventsResponse(
            results={"e": item(400, v=500, w=202), "f": item(202, x=202)}
        )
        second = EventsResponse(results={"e": item(202, v=202)})
        merged = self.merged(first, second)
        assert codes(merged, self.sent) == [400, 202, 202, 202, 202]

    def test_endpoint_that_went_again(self) -> None:
        """Its second answer is its own."""
        first = EventsResponse(
            results={"e": item(503, v=202, w=202), "f": item(202, x=202)}
        )
        second = EventsResponse(results={"e": item(202)})
        merged = self.merged(first, second)
        assert codes(merged, self.sent) == [202, 202, 202, 202, 202]

    def test_unreported_endpoint_stays_unreported(self) -> None:
        """Where only its events went again, nothing is known of it still."""
        first = EventsResponse(
            results={"e": item(None, v=500, w=202), "f": item(202, x=202)}
        )
        second = EventsResponse(results={"e": item(202, v=202)})
        merged = self.merged(first, second)
        assert codes(merged, self.sent) == [None, 202, 202, 202, 202]

    def test_empty_endpoint(self) -> None:
        """Of an endpoint of which nothing was said, a settled answer stays, too."""
        sent = EventsRequest(batch_item={"e": batch("v", endpoint=Endpoint())})
        for code, known in ((202, 202), (400, 400), (None, 200), (503, 200)):
            first = EventsResponse(results={"e": item(code, v=500)})
            again = sent.retry(first)
            assert again is not None
            second = EventsResponse(results={"e": item(200, v=202)})
            assert codes(merged_response(sent, first, again, second), sent) == [
                known,
                202,
            ]

    def test_what_the_second_leaves_out(self) -> None:
        """It is unreported: it may have been accepted, and is not to be sent again."""
        first = EventsResponse(
            results={"e": item(503, v=429, w=500), "f": item(202, x=500)}
        )
        second = EventsResponse(results={"e": item(None, w=202)})
        merged = self.merged(first, second)
        assert codes(merged, self.sent) == [None, None, 202, 202, None]
        assert self.sent.retry(merged) is None

    def test_bare_codes(self) -> None:
        """They are spread over the items that they stood for."""
        first = EventsResponse(
            results={
                "e": ItemResponse(status_code=500),
                "f": ItemResponse(status_code=202),
            }
        )
        second = EventsResponse(results={"e": ItemResponse(status_code=202)})
        merged = self.merged(first, second)
        assert codes(merged, self.sent) == [202, 202, 202, 202, 202]
        assert merged.results["f"] == ItemResponse(status_code=202)
        only_some = EventsResponse(results={"e": item(202, v=202)})
        assert codes(self.merged(first, only_some), self.sent) == [
            202,
            202,
            None,
            202,
            202,
        ]

    def test_unreported_items_sent_again(self) -> None:
        """What the first answer said nothing of has the second's word."""
        first = EventsResponse(results={"e": item(202, v=202)})
        second = EventsResponse(results={"e": item(202, w=202), "f": item(202, x=400)})
        merged = self.merged(first, second, unreported=True)
        assert codes(merged, self.sent) == [202, 202, 202, 202, 400]

    def test_items_nobody_sent(self) -> None:
        """What an answer says of others stays, where nothing contradicts it."""
        first = EventsResponse(
            results={
                "e": item(202, v=500, w=202),
                "other": ItemResponse(status_code=500),
            }
        )
        second = EventsResponse(results={"e": item(202, v=202), "more": item(202)})
        merged = self.merged(first, second)
        assert list(merged.results) == ["e", "other"]

    @pytest.mark.parametrize(
        "first, second, known",
        [("a", "b", "b"), ("a", None, "a"), (None, "b", "b"), (None, None, None)],
    )
    def test_request_id(
        self, first: str | None, second: str | None, known: str | None
    ) -> None:
        """The newest that there is."""
        merged = self.merged(
            EventsResponse(results={"e": item(202, v=500)}, request_id=first),
            EventsResponse(results={"e": item(202, v=202)}, request_id=second),
        )
        assert merged.request_id == known


class TestWithout:
    """An answer without what it says of items that may have been accepted."""

    @pytest.mark.parametrize(
        "endpoint, kept", [(202, 202), (400, None), (500, None), (429, None)]
    )
    def test_whole(self, endpoint: int, kept: int | None) -> None:
        """What is not accepted is left out, where it is one of the items."""
        sent = EventsRequest(batch_item={"e": batch("v", "w"), "f": batch("x", "y")})
        response = EventsResponse(
            results={"e": item(endpoint, v=500, w=202), "f": item(202, x=500, y=500)},
            request_id="r-1",
        )
        items = {("e", None), ("e", "v"), ("e", "w"), ("f", "y")}
        less = without(response, sent, items)
        assert codes(less, sent) == [kept, None, 202, 202, 500, None]
        assert less.request_id == "r-1"

    def test_bare_code(self) -> None:
        """It applies to all items of the endpoint."""
        sent = EventsRequest(batch_item={"e": batch("v", "w")})
        response = EventsResponse(results={"e": ItemResponse(status_code=500)})
        less = without(response, sent, {("e", None), ("e", "v")})
        assert codes(less, sent) == [None, None, 500]
        assert without(response, sent, {("f", None)}) == response

    def test_unanswered(self) -> None:
        """What the answer leaves out is left out as before."""
        sent = EventsRequest(batch_item={"e": batch("v", "w", "x")})
        response = EventsResponse(results={"e": item(None, v=500, w=202)})
        less = without(response, sent, {("e", "v")})
        assert codes(less, sent) == [None, None, 202, None]
