"""
Each row is given to the real AWS CLI and to ours, against the same server.

`PINPOINT_EVENTS_AWS` names the executable of version 1, which is on PyPI; the nox
session `interop` installs it. `PINPOINT_EVENTS_AWS_2` names one of version 2, for those
who have it: the exit codes are its own then, and YAML is compared, too.
"""

import io
import json
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from benchmarks import command_start
from benchmarks.command_start import Memory
from benchmarks.table import Bar

from pinpoint_events.cli import main
from tests.aws import KEYS, aws
from tests.aws_cli import AwsCli, Ended
from tests.http_server import CUT, SILENCE, Answer, HttpServer, Received
from tests.interop.clients import missing
from tests.samples import ROOT

__all__ = ["aws"]

AWS = {"1": "PINPOINT_EVENTS_AWS", "2": "PINPOINT_EVENTS_AWS_2"}
# Version 2 is no Python package: it is compared as well where it is installed.
VERSIONS = ["1", *(["2"] if AWS["2"] in os.environ else [])]
# What version 1 says where version 2 tells whose turn it is.
CODES_OF_VERSION_1 = {0: {0}, 252: {2, 255}, 253: {255}, 254: {255}, 255: {255}}

TIME = "2026-01-01T00:00:00.000Z"
EVENT = {"EventType": "x.y", "Timestamp": TIME}
ONE = {"BatchItem": {"e1": {"Endpoint": {}, "Events": {"v1": EVENT}}}}
APP = ("--application-id", "my-app")
SENT = (*APP, "--events-request", json.dumps(ONE))
ALL = (ROOT / "examples" / "request-all-members.json").read_text(encoding="utf-8")
ACCEPTED = {"StatusCode": 202, "Message": "Accepted"}
ERROR = "An error occurred ({}) when calling the PutEvents operation"
URL = "the URL of the server"
WRONG_TYPE = "Invalid type for parameter"
FAILED = "Parameter validation failed:"


class Row(NamedTuple):
    """
    One invocation.

    Attributes:
        arguments: Behind `put-events`.
        code: Exit code, as version 2 has it.
        message: A part of standard error that both have in common.
        answers: Of the server, to each of the two; it accepts everything after that.
        settings: Environment variables beside keys, region and URL.
        without: Which of those are not set.
        text: On standard input.
        before: Global options, which stand before the command's name.
    """

    arguments: tuple[str, ...]
    code: int = 0
    message: str = ""
    answers: tuple[Answer, ...] = ()
    settings: Mapping[str, str] = {}
    without: tuple[str, ...] = ()
    text: str = ""
    before: tuple[str, ...] = ()


def asked_with(request: object, **more: Any) -> Row:
    """Return a row that sends a request as JSON."""
    return Row((*APP, "--events-request", json.dumps(request)), **more)


def short(text: str, **more: Any) -> Row:
    """Return a row that sends a request in shorthand syntax."""
    return Row((*APP, "--events-request", text), **more)


def event_short(text: str) -> Row:
    """Return a row that sends an event with these members beside the required."""
    event = f"EventType=x,Timestamp={TIME},{text}"
    return short(f"BatchItem={{e1={{Endpoint={{}},Events={{v1={{{event}}}}}}}}}")


def endpoint_short(text: str) -> Row:
    """Return a row that sends an endpoint with these members."""
    return short(f"BatchItem={{e1={{Endpoint={{{text}}},Events={{}}}}}}")


def whole(**members: Any) -> str:
    """Return a whole input as JSON."""
    return json.dumps({"ApplicationId": "whole", "EventsRequest": ONE, **members})


def results(found: object, **more: Any) -> Row:
    """Return a row that is answered with these results."""
    return Row(
        SENT, answers=(Answer(body=json.dumps({"Results": found}).encode()),), **more
    )


def refused(code: str, status: int, body: bytes, header: str | None = None) -> Row:
    """Return a row that is refused as a whole, which is reported with this code."""
    headers = {} if header is None else {"x-amzn-ErrorType": header}
    settings = {"AWS_MAX_ATTEMPTS": "1"}
    return Row(
        SENT, 254, ERROR.format(code), (Answer(status, body, headers),), settings
    )


def fault(text: str) -> bytes:
    """Return the body of a refusal."""
    return json.dumps({"Message": text, "RequestID": "r-1"}).encode()


def queried(query: str, output: str = "json", **more: Any) -> Row:
    """Return a row that prints a part of the answer."""
    return Row((*SENT, "--query", query, "--output", output), **more)


MIXED = {
    "e1": {
        "EndpointItemResponse": {"StatusCode": 400, "Message": "Missing ChannelType"},
        "EventsItemResponse": {
            "v1": ACCEPTED,
            "v2": {"StatusCode": 400, "Message": "x"},
        },
    },
    "e2": {"EndpointItemResponse": ACCEPTED, "EventsItemResponse": {}},
    "a0": {"EventsItemResponse": {}},
    "b0": {},
    "z": {"EndpointItemResponse": ACCEPTED},
}
SOUND_ENDPOINT = "Address=a@b.c,ChannelType=EMAIL"

SENDING = {
    "one event": Row(SENT),
    "every member": short(ALL),
    "an id that is a path": Row(("--application-id", "a/b c", *SENT[2:])),
    "an id that is not ASCII": Row(("--application-id", "bücher", *SENT[2:])),
    "endpoint alone": asked_with({"BatchItem": {"e1": {"Endpoint": {}, "Events": {}}}}),
    "no endpoint at all": asked_with({"BatchItem": {}}),
    "not ASCII": asked_with(
        {"BatchItem": {"bücher": {"Endpoint": {}, "Events": {"é🎈": EVENT}}}}
    ),
    "blanks around JSON": short(f"\n  {json.dumps(ONE)}\n "),
    "last of two options": Row(("--application-id", "first", *SENT)),
    "equals signs": Row((f"--application-id={APP[1]}", f"--events-request={SENT[3]}")),
    "start of a name": Row(("--application", "my-app", "--events", SENT[3])),
    "options that mean nothing": Row((*SENT, "--no-paginate")),
    "region": Row((*SENT, "--region", "eu-west-1"), without=("AWS_DEFAULT_REGION",)),
    "no signature": Row((*SENT, "--no-sign-request"), without=tuple(KEYS)),
    "timeouts": Row((*SENT, "--cli-read-timeout", "0", "--cli-connect-timeout", "5")),
    "no verification": Row((*SENT, "--no-verify-ssl")),
    "no colours": Row((*SENT, "--color", "off")),
    "region before the command": Row(
        SENT, before=("--region", "eu-west-1"), without=("AWS_DEFAULT_REGION",)
    ),
    "several options before the command": Row(
        SENT,
        before=("--output=text", "--no-sign-request", "--que", "keys(@)"),
        without=tuple(KEYS),
    ),
    "the same option before and behind the command": Row(
        (*SENT, "--output", "json"), before=("--output", "text")
    ),
    "file": Row((*APP, "--events-request", "file://request.json")),
    "file in the home directory": Row(
        (*APP, "--events-request", "file://~/request.json")
    ),
    "file by a variable": Row(
        (*APP, "--events-request", "file://${WHERE}.json"),
        settings={"WHERE": "request"},
    ),
    "file of shorthand syntax": Row((*APP, "--events-request", "file://short.txt")),
    "id of a file": Row(("--application-id", "file://id.txt", *SENT[2:])),
    "whole input": Row(("--cli-input-json", whole())),
    "whole input of a file": Row(("--cli-input-json", "file://whole.json")),
    "own id before whole input": Row((*APP, "--cli-input-json", whole())),
    "own request before whole input": Row(
        (*SENT[2:], "--cli-input-json", whole(EventsRequest={"BatchItem": {"e": 1}}))
    ),
    "rest of the input": Row(
        (*APP, "--cli-input-json", json.dumps({"EventsRequest": ONE}))
    ),
}

SHORTHAND = {
    "of the documentation": short(
        "BatchItem={ep1={Endpoint={Address=a@b.c,Attributes={k=[v1,v2]},Metrics={m=1.5},"
        "ChannelType=EMAIL,Location={Latitude=1}},Events={e1={EventType=x.y,"
        f"Timestamp={TIME},Session={{Id=s,StartTimestamp={TIME},StopTimestamp="
        "2026-01-01T00:00:00.005Z,Duration=5}}}}}"
    ),
    "blanks": short(
        "BatchItem = { e1 = { Endpoint = { } , Events = { v1 = { EventType = a b , "
        f"Timestamp = {TIME} }} }} }} }}"
    ),
    "several endpoints": short(
        "BatchItem={e1={Endpoint={},Events={}},e.2/x:y#z-1={Endpoint={},Events={}}}"
    ),
    "single quotes": event_short(r"Attributes={k='a, \'b\' \\ c=d}'}"),
    "double quotes": event_short(r'Attributes={k="a, \"b\" [x]"}'),
    "empty texts": event_short("Attributes={a=,b='',c=\"\"}"),
    "escaped comma": event_short(r"AppTitle=a\,b,SdkName=c"),
    "equals sign in a value": event_short("AppTitle=a=b,SdkName=c==d"),
    "not ASCII in a value": event_short("AppTitle=bücher"),
    "trailing commas": event_short("Attributes={k=v,},AppTitle=x,"),
    "whole numbers": event_short("Metrics={a=1,b=-2,c=1e3,d=0.1}"),
    "list": endpoint_short("Attributes={k=[a,'b c',],l=[],m=[x]}"),
    "one text for a list": endpoint_short("Attributes={k=a}"),
    "user": endpoint_short(
        f"{SOUND_ENDPOINT},User={{UserId=1,UserAttributes={{t=[a]}}}}"
    ),
    "file for a value": event_short("AppTitle@=file://id.txt"),
    "text for a file": event_short("AppTitle@=plain,SdkName=x"),
    "no value": short(
        "BatchItem", code=252, message="Expected: '=', received: 'EOF' for input:"
    ),
    "nothing": short("", code=252, message="Expected: '=', received: 'EOF' for input:"),
    "open hash": short(
        "BatchItem={e1={", code=252, message="Expected: '=', received: 'EOF' for input:"
    ),
    "open list": endpoint_short("Attributes={k=[a")._replace(
        code=252, message="Expected: ',', received: '}' for input:"
    ),
    "open quote": short("BatchItem={e1='x", code=252, message="Expected: '<sing"),
    "too many ends": short(
        "BatchItem={}}", code=252, message="Expected: ',', received: '}' for input:"
    ),
    "a key twice": short(
        "BatchItem={},BatchItem={}", code=252, message="Second instance of "
    ),
    "a text for a map": short(
        "BatchItem=x",
        code=252,
        message="Invalid type for parameter EventsRequest.BatchItem,",
    ),
    "a list for a text": short(
        "BatchItem={e1={Endpoint={},Events={v1={EventType=[a,b],Timestamp=2026}}}}",
        code=252,
        message=f"{WRONG_TYPE} EventsRequest.BatchItem.e1.Events.v1.EventType,",
    ),
    "an unknown member": short(
        "Bogus=a,b",
        code=252,
        message='Unknown parameter in EventsRequest: "Bogus", must be one of: '
        "BatchItem",
    ),
}

ANSWERS = {
    "mixed": results(MIXED),
    "no results": results({}),
    "null results": results(None),
    "empty body": Row(SENT, answers=(Answer(body=b""),)),
    "empty object": Row(SENT, answers=(Answer(body=b"{}"),)),
    "other status": Row(SENT, answers=(Answer(200, b'{"Results": {}}'),)),
    "unknown members": Row(
        SENT, answers=(Answer(body=b'{"More": 1, "Results": {"e1": {"More": 2}}}'),)
    ),
    "endpoint alone": results({"e1": {"EndpointItemResponse": ACCEPTED}}),
    "events alone": results({"e1": {"EventsItemResponse": {"v1": ACCEPTED}}}),
    "null members": results(
        {
            "e1": {"EndpointItemResponse": None, "EventsItemResponse": {"v1": None}},
            "e2": None,
        }
    ),
    "other types of codes": results(
        {"e1": {"EndpointItemResponse": {"StatusCode": "202", "Message": ""}}}
    ),
    "not ASCII": results(
        {"bücher": {"EndpointItemResponse": {"Message": "Zoë 🎈 \u2028"}}}
    ),
    "control characters": results(
        {"e1": {"EndpointItemResponse": {"Message": "a\n\tb\x7f"}}}
    ),
}

OUTPUT = {
    "json": Row((*SENT, "--output", "json")),
    "text": Row((*SENT, "--output", "text")),
    "text of a mixed answer": results(MIXED)._replace(
        arguments=(*SENT, "--output", "text")
    ),
    "text of nothing": Row((*SENT, "--output", "text"), answers=(Answer(body=b"{}"),)),
    "text by a variable": Row(SENT, settings={"AWS_DEFAULT_OUTPUT": "text"}),
    "text by a profile": Row(SENT, settings={"AWS_CONFIG_FILE": "config"}),
    "json before a profile": Row(
        (*SENT, "--output", "json"), settings={"AWS_CONFIG_FILE": "config"}
    ),
    "another profile": Row(
        (*SENT, "--profile", "other"), settings={"AWS_CONFIG_FILE": "config"}
    ),
    "query": queried("EventsResponse.Results.e1.EventsItemResponse"),
    "query for a number": queried("EventsResponse.Results.e1.*.StatusCode | [0]"),
    "query for a text": queried("EventsResponse.Results.e1.*.Message | [0]"),
    "query for nothing": queried("EventsResponse.Nothing"),
    "query for a list": queried("EventsResponse.Results.*.*.*[]"),
    "query for nothing in text": queried("EventsResponse.Nothing", "text"),
    "query for a text in text": queried(
        "EventsResponse.Results.e1.*.Message | [0]", "text"
    ),
    "query for an empty object": queried(
        "EventsResponse", answers=(Answer(body=b"{}"),)
    ),
    "query for lists in text": queried("[[`1`, `2`], `3`, [`true`, [`null`]]]", "text"),
    "query for objects in text": queried(
        "{a: [{x: `1`, z: [`1`, `2`]}, {y: `2`, x: {w: `3`}}], "
        "b: [`4`, [`5`]], c: `[]`}",
        "text",
    ),
    "query for columns": queried("keys(EventsResponse.Results)", "text"),
    "skeleton of the output": Row((*SENT, "--generate-cli-skeleton", "output")),
    "query of a skeleton": Row(
        (*SENT, "--generate-cli-skeleton", "output", "--query", "keys(@)")
    ),
    "skeleton in text": Row(
        (*SENT, "--generate-cli-skeleton", "output", "--output", "text")
    ),
}

INPUT_ERRORS = {
    "nothing": Row(
        (),
        252,
        "the following arguments are required: --application-id, --events-request",
    ),
    "no request": Row(
        APP, 252, "the following arguments are required: --events-request"
    ),
    "no id": Row(
        SENT[2:], 252, "the following arguments are required: --application-id"
    ),
    "no value": Row(
        ("--application-id",), 252, "argument --application-id: expected one"
    ),
    "colours": Row((*SENT, "--color", "blue"), 252, "argument --color: "),
    "output format before the command": Row(
        SENT, 252, "argument --output: ", before=("--output", "bogus")
    ),
    "query before the command": Row(
        SENT, 252, "Bad value for --query a[: ", before=("--query", "a[")
    ),
    "unknown option": Row((*SENT, "--bogus"), 252, "Unknown options: --bogus"),
    "output format": Row((*SENT, "--output", "bogus"), 252, "argument --output: "),
    "kind of skeleton": Row(
        (*SENT, "--generate-cli-skeleton", "bogus"),
        252,
        "argument --generate-cli-skeleton: ",
    ),
    "endpoint URL": Row(
        (*SENT, "--endpoint-url", "bogus"), 252, "Bad value for --endpoint-url"
    ),
    "query": queried(
        "EventsResponse.[[",
        code=252,
        message="Bad value for --query EventsResponse.[[: Invalid jmespath expression: "
        "Incomplete expression",
    ),
    "query that is no token": queried(
        "#", code=252, message="Bad value for --query #: Bad jmes"
    ),
    "bad JSON": short(
        "{bad",
        code=252,
        message="Error parsing parameter '--events-request': Invalid JSON: Expecting "
        "property name enclosed in double quotes",
    ),
    "JSON of another type": short(
        "[]",
        code=252,
        message="Error parsing parameter '--events-request': Invalid JSON:",
    ),
    "missing file": Row(
        (*APP, "--events-request", "file://nope.json"),
        252,
        "Error parsing parameter '--events-request': Unable to load paramfile "
        "file://nope.json: [Errno 2] No such file or directory: 'nope.json'",
    ),
    "missing file for the id": Row(
        ("--application-id", "file://nope.txt", *SENT[2:]),
        252,
        "Error parsing parameter '--application-id': Unable to load paramfile ",
    ),
    "bad JSON for all": Row(
        ("--cli-input-json", "{bad"),
        252,
        "Error parsing parameter 'cli-input-json': Invalid JSON",
    ),
    "bad JSON for all in a skeleton": Row(
        ("--generate-cli-skeleton", "input", "--cli-input-json", "{bad"),
        252,
        "Error parsing parameter 'cli-input-json': Invalid JSON",
    ),
    "bad JSON in a skeleton": Row(
        ("--generate-cli-skeleton", "--events-request", "{bad"),
        252,
        "Error parsing parameter '--events-request': Invalid JSON: ",
    ),
    "nothing in the whole input": Row(
        ("--cli-input-json", "{}"),
        252,
        f'{FAILED} Missing required parameter in input: "ApplicationId"',
    ),
    "no request in the whole input": Row(
        ("--cli-input-json", '{"ApplicationId": "a"}'),
        252,
        f'{FAILED} Missing required parameter in input: "EventsRequest"',
    ),
    "unknown member of the whole input": Row(
        ("--cli-input-json", whole(Bogus=1)),
        252,
        'Unknown parameter in input: "Bogus", must be one of: ApplicationId, '
        "EventsRequest",
    ),
    "missing members": asked_with(
        {"BatchItem": {"e1": {"Endpoint": {}, "Events": {"v-1": {}}}}},
        code=252,
        message=f"{FAILED} Missing required parameter in "
        'EventsRequest.BatchItem.e1.Events.v-1: "EventType"',
    ),
    "no endpoint": asked_with(
        {"BatchItem": {"e1": {"Events": {}}}},
        code=252,
        message='Missing required parameter in EventsRequest.BatchItem.e1: "Endpoint"',
    ),
    "unknown member": asked_with(
        {"BatchItem": {"e1": {"Endpoint": {"Bogus": 1}, "Events": {}}}},
        code=252,
        message='Unknown parameter in EventsRequest.BatchItem.e1.Endpoint: "Bogus", '
        "must be one of: Address, Attributes, ChannelType",
    ),
    "type of a map": asked_with(
        {"BatchItem": []},
        code=252,
        message="Invalid type for parameter EventsRequest.BatchItem,",
    ),
    "type of a metric": asked_with(
        {"BatchItem": {"e1": {"Endpoint": {"Metrics": {"m": "x"}}, "Events": {}}}},
        code=252,
        message=f"{WRONG_TYPE} EventsRequest.BatchItem.e1.Endpoint.Metrics.m,",
    ),
    "type of a text": asked_with(
        {
            "BatchItem": {
                "e1": {"Endpoint": {"Attributes": {"k": ["a", 1]}}, "Events": {}}
            }
        },
        code=252,
        message="Invalid type for parameter "
        "EventsRequest.BatchItem.e1.Endpoint.Attributes.k[1],",
    ),
}

OTHER_ERRORS = {
    "bad request": refused(
        "BadRequestException", 400, fault("fake message"), "BadRequestException"
    ),
    "forbidden": refused("ForbiddenException", 403, fault("no"), "ForbiddenException"),
    "denied": refused(
        "AccessDeniedException",
        403,
        b'{"__type": "a.b#AccessDeniedException", "message": "x"}',
    ),
    "not found": refused(
        "NotFoundException",
        404,
        fault("no such app"),
        "NotFoundException:http://x/",
    ),
    "too large": refused(
        "PayloadTooLargeException", 413, fault("4 MB"), "PayloadTooLargeException"
    ),
    "too many": refused(
        "TooManyRequestsException", 429, fault("slow"), "TooManyRequestsException"
    ),
    "bare 404": refused("404", 404, b""),
    "bare 503": refused("503", 503, b""),
    "page": refused("502", 502, b"<html>Bad gateway</html>"),
    "busy, then well": Row(SENT, answers=(Answer(500, fault("busy")),)),
    "cut, then well": Row(SENT, answers=(CUT,)),
    "always busy": Row(
        SENT, 254, ERROR.format("500"), (Answer(500, b"{}"), Answer(500, b"{}"))
    ),
    "cut": Row(
        SENT,
        255,
        "Connection was closed before we received a valid response from endpoint URL: "
        f'"{URL}/v1/apps/',
        (CUT,),
        {"AWS_MAX_ATTEMPTS": "1"},
    ),
    "silence": Row(
        (*SENT, "--cli-read-timeout", "1"),
        255,
        f'Read timeout on endpoint URL: "{URL}/v1/apps/',
        (SILENCE,),
        {"AWS_MAX_ATTEMPTS": "1"},
    ),
    "no connection": Row(
        (*SENT, "--endpoint-url", "http://127.0.0.1:1"),
        255,
        'Could not connect to the endpoint URL: "http://127.0.0.1:1/v1/apps/',
        settings={"AWS_MAX_ATTEMPTS": "1"},
    ),
    "no region": Row(
        SENT, 253, "You must specify a region", without=("AWS_DEFAULT_REGION",)
    ),
    "no region for a skeleton": Row(
        (*SENT, "--generate-cli-skeleton", "output"),
        253,
        "You must specify a region",
        without=("AWS_DEFAULT_REGION",),
    ),
    "no credentials": Row(
        SENT, 253, "Unable to locate credentials", without=tuple(KEYS)
    ),
}

YAML_INPUT = f"""\
ApplicationId: whole
EventsRequest:
  BatchItem:
    e1:
      Endpoint: &endpoint
        Location: {{Country: NO, Latitude: 50.5}}
        Attributes: {{yes: [on, "1"]}}
      Events:
        v1: {{EventType: x.y, Timestamp: "{TIME}", Metrics: {{a: 1, b: -2.5e+3}}}}
    e2:
      Endpoint:
        <<: *endpoint
        OptOut: NONE
      Events: {{}}
"""

# What version 1 does not know.
YAML = {
    "input": Row(("--cli-input-yaml", YAML_INPUT)),
    "input of a file": Row(("--cli-input-yaml", "file://whole.yaml")),
    "own request before the input": Row((*SENT[2:], "--cli-input-yaml", YAML_INPUT)),
    "JSON": Row(("--cli-input-yaml", whole())),
    "two inputs": Row(
        ("--cli-input-yaml", YAML_INPUT, "--cli-input-json", whole()),
        252,
        "Only one --cli-input- parameter may be specified.",
    ),
    "bad input": Row(
        ("--cli-input-yaml", "a: ["),
        252,
        "Error parsing parameter 'cli-input-yaml': Invalid YAML received",
    ),
    "a key twice": Row(
        ("--cli-input-yaml", "ApplicationId: a\nApplicationId: b"),
        252,
        "Error parsing parameter 'cli-input-yaml': Invalid YAML received",
    ),
    "no mapping": Row(
        ("--cli-input-yaml", "[]"),
        252,
        "Invalid type: expecting map, received <class 'list'>",
    ),
    "output": Row((*SENT, "--output", "yaml")),
    "output of a mixed answer": results(MIXED)._replace(
        arguments=(*SENT, "--output", "yaml")
    ),
    "output of odd texts": results(
        {
            "yes": {
                "EndpointItemResponse": {"Message": "no: it's # \n x", "StatusCode": 1}
            },
            "2026-01-01": {"EndpointItemResponse": {"Message": TIME}},
            "bücher 🎈": {"EndpointItemResponse": {"Message": " "}},
            "1": {"EndpointItemResponse": {"Message": "long " * 60}},
            "e": None,
        }
    )._replace(arguments=(*SENT, "--output", "yaml")),
    "output of nothing": Row(
        (*SENT, "--output", "yaml"), answers=(Answer(body=b"{}"),)
    ),
    "query for a text": queried("EventsResponse.Results.e1.*.Message | [0]", "yaml"),
    "query for nothing": queried("EventsResponse.Nothing", "yaml"),
    "query for a list": queried("EventsResponse.Results.*.*.*[]", "yaml"),
    "query for an object twice": queried("[EventsResponse, EventsResponse]", "yaml"),
    "query for an empty object": queried(
        "EventsResponse", "yaml", answers=(Answer(body=b"{}"),)
    ),
    "skeleton of the output": Row(
        (*SENT, "--generate-cli-skeleton", "output", "--output", "yaml")
    ),
    "no pager": Row((*SENT, "--no-cli-pager")),
    "no pager before the command": Row(SENT, before=("--no-cli-pager",)),
    "format of bytes": Row((*SENT, "--cli-binary-format", "raw-in-base64-out")),
    "another format of bytes": Row(
        (*SENT, "--cli-binary-format", "x"), 252, "argument --cli-binary-format: "
    ),
}


class Difference(NamedTuple):
    """
    A row on which we part from version 2; the documentation says why.

    Attributes:
        row: The invocation; its code and message are ours.
        code: What version 2 ends with.
        message: A part of its standard error.
    """

    row: Row
    code: int
    message: str = ""


TWICE = '{"BatchItem": {"e1": {"Endpoint": {}, "Endpoint": {}, "Events": {}}}}'
DIFFERENCES = {
    "a page in place of an answer": Difference(
        Row(SENT, 255, "no JSON object", (Answer(200, b"<html>"),)), 0
    ),
    "a bare status code": Difference(
        results({"e1": 202}), 255, "has no attribute 'get'"
    ),
    "results that are none": Difference(
        results([], message="unreported"), 255, "has no attribute 'items'"
    ),
    "an output format that is none, by a variable": Difference(
        Row(
            SENT,
            253,
            "Unknown output type: 'bogus'",
            settings={"AWS_DEFAULT_OUTPUT": "bogus"},
        ),
        255,
        "Unknown output type: bogus",
    ),
    "half of the credentials": Difference(
        Row(
            SENT,
            253,
            "Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY",
            without=("AWS_SECRET_ACCESS_KEY",),
        ),
        255,
        "Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY",
    ),
    "an endpoint URL that is none": Difference(
        Row(
            (*SENT, "--endpoint-url", "localhost:80"),
            253,
            "the endpoint URL is not usable",
        ),
        255,
        "Invalid endpoint: localhost:80",
    ),
    "an empty region": Difference(
        Row(
            SENT, 253, "You must specify a region", settings={"AWS_DEFAULT_REGION": ""}
        ),
        0,
    ),
    "a timeout that is no time": Difference(
        Row(
            (*SENT, "--cli-read-timeout", "-1"),
            252,
            "argument --cli-read-timeout: -1 is not from 0",
        ),
        255,
        "Attempted to set read timeout to -1",
    ),
    "a key twice": Difference(short(TWICE, code=252, message="occurs twice"), 0),
    "null for a member": Difference(
        short(
            '{"BatchItem": {"e1": {"Endpoint": {"Address": null}, "Events": {}}}}',
        ),
        252,
        "Invalid type for parameter EventsRequest.BatchItem.e1.Endpoint.Address",
    ),
    "an empty mapping": Difference(
        short('{"BatchItem": {"e1": {"Endpoint": {"Metrics": {}}, "Events": {}}}}'), 0
    ),
    "a time of another zone": Difference(
        event_short("Session={Id=s,StartTimestamp=2026-01-01T01:00:00+01:00}"), 0
    ),
    "an empty type": Difference(
        short(
            f"BatchItem={{e1={{Endpoint={{}},Events={{v1={{EventType=,Timestamp={TIME}}}}}}}}}",
            code=252,
            message="EventsRequest.BatchItem.e1.Events.v1.EventType: is empty",
        ),
        0,
    ),
    "a time without zone": Difference(
        short(
            "BatchItem={e1={Endpoint={},Events={v1={EventType=x,Timestamp=2026-01-01}}}}",
            code=252,
            message="EventsRequest.BatchItem.e1.Events.v1.Timestamp",
        ),
        0,
    ),
    "more events than the quota": Difference(
        asked_with(
            {
                "BatchItem": {
                    "e1": {
                        "Endpoint": {},
                        "Events": {f"v{number}": EVENT for number in range(101)},
                    }
                }
            },
            code=252,
            message="101 events; at most 100",
        ),
        0,
    ),
    "an empty id": Difference(
        Row(("--application-id", "", *SENT[2:]), 252, "ApplicationId: is empty"), 0
    ),
    "a line break after the id": Difference(
        Row(("--application-id", "file://line.txt", *SENT[2:])), 0
    ),
    "a file of bytes": Difference(
        Row((*APP, "--events-request", "fileb://request.json")), 255
    ),
    "whole input on standard input": Difference(
        Row(("--cli-input-json", "-"), text=whole()),
        252,
        "Error parsing parameter 'cli-input-json': Invalid JSON",
    ),
    "request on standard input": Difference(
        Row((*APP, "--events-request", "-"), text=json.dumps(ONE)),
        252,
        "Error parsing parameter '--events-request': Expected: '='",
    ),
    "a timeout that is no number": Difference(
        Row(
            (*SENT, "--cli-read-timeout", "soon"),
            252,
            "argument --cli-read-timeout: invalid int value",
        ),
        255,
        "invalid literal for int() with base 10: 'soon'",
    ),
    "a function that is none": Difference(
        queried(
            "nope(@)",
            code=252,
            message="Bad value for --query nope(@): Unknown function",
        ),
        255,
        "Unknown function: nope()",
    ),
    "unknown profile": Difference(
        Row(
            (*SENT, "--profile", "nope"),
            253,
            "The config profile (nope) could not be found",
        ),
        255,
        "The config profile (nope) could not be found",
    ),
    "unknown profile by a variable": Difference(
        Row(
            SENT,
            253,
            "The config profile (nope) could not be found",
            settings={"AWS_PROFILE": "nope"},
        ),
        255,
        "The config profile (nope) could not be found",
    ),
    "bad region": Difference(
        Row(
            (*SENT, "--region", "bad region"),
            253,
            "Provided region_name 'bad region' doesn't match a supported format",
        ),
        255,
        "Provided region_name 'bad region' doesn't match a supported format",
    ),
    "a line break after shorthand syntax": Difference(
        short("BatchItem={}\n"), 252, "Expected: ',', received: 'EOF'"
    ),
    "a key of a hash twice": Difference(
        short(
            "BatchItem={e1={Endpoint={},Endpoint={},Events={}}}",
            code=252,
            message="Second",
        ),
        0,
    ),
}

ROWS = {
    f"{group}: {name}": row
    for group, rows in (
        ("sending", SENDING),
        ("shorthand", SHORTHAND),
        ("answers", ANSWERS),
        ("output", OUTPUT),
        ("input errors", INPUT_ERRORS),
        ("other errors", OTHER_ERRORS),
    )
    for name, row in rows.items()
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory, home and current one, with the files that rows name."""
    directory = tmp_path_factory.mktemp("differential")
    files = {
        "request.json": f"{json.dumps(ONE)}\n",
        "short.txt": "BatchItem={e1={Endpoint={},Events={}}}",
        "id.txt": "from-a-file",
        "whole.json": whole(),
        "whole.yaml": YAML_INPUT,
        "line.txt": "from-a-file\n",
        "config": "[default]\noutput = text\n[profile other]\noutput = json\n"
        f"aws_access_key_id = {KEYS['AWS_ACCESS_KEY_ID']}\n"
        f"aws_secret_access_key = {KEYS['AWS_SECRET_ACCESS_KEY']}\n",
    }
    for name, content in files.items():
        (directory / name).write_text(content, encoding="utf-8")
    return directory


@pytest.fixture(scope="module")
def server() -> Iterator[HttpServer]:
    """Serve all rows."""
    with HttpServer() as serving:
        yield serving


@pytest.fixture(scope="module", params=VERSIONS)
def aws_cli(request: pytest.FixtureRequest, place: Path) -> Iterator[AwsCli]:
    """Run the real AWS CLI of a major version."""
    variable = AWS[request.param]
    executable = os.environ.get(variable)
    if executable is None:
        message = f"NO AWS CLI TO COMPARE WITH: {variable} names no executable"
        if request.param == "2":  # which is no package that can be required
            pytest.skip(message)
        missing(message)
    with AwsCli(executable, place) as started:
        assert started.version.startswith(f"{request.param}.")
        yield started


class Side(NamedTuple):
    """What came of an invocation, and what arrived at the server."""

    ended: Ended
    arrived: list[tuple[str, str, Any]]


Compare = Callable[[Row], tuple[Side, Side]]


@pytest.fixture
def compared(
    aws_cli: AwsCli,
    server: HttpServer,
    place: Path,
    aws: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Compare:
    """Return a function that runs a row on both sides: ours, theirs."""

    def ours(row: Row, settings: Mapping[str, str]) -> Ended:
        aws.chdir(place)
        for name, value in {**settings, "HOME": str(place)}.items():
            aws.setenv(name, value)
        given = io.TextIOWrapper(io.BytesIO(row.text.encode()))
        aws.setattr(sys, "stdin", given)
        code = main([*row.before, "put-events", *row.arguments])
        return Ended(code, *capsys.readouterr())

    def theirs(row: Row, settings: Mapping[str, str]) -> Ended:
        arguments = [*row.before, "pinpoint", "put-events", *row.arguments]
        return aws_cli.run(arguments, settings, row.text)

    def compare(row: Row) -> tuple[Side, Side]:
        usual = {
            **KEYS,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": server.url,
            "AWS_MAX_ATTEMPTS": "2",
        }
        settings = {
            name: value
            for name, value in {**usual, **row.settings}.items()
            if name not in row.without
        }
        if aws_cli.version.startswith("2.") and "--endpoint-url" not in row.arguments:
            # Older ones do not know the variable.
            place_of = ("--endpoint-url", server.url)
            row = row._replace(arguments=(*row.arguments, *place_of))
        sides = []
        for run in (ours, theirs):
            server.answers = deque(row.answers)
            server.received.clear()
            ended = run(row, settings)
            sides.append(Side(ended, list(map(seen, server.received))))
        return sides[0], sides[1]

    return compare


def seen(received: Received) -> tuple[str, str, Any]:
    """Return what of a request must be the same: its body as data, not as text."""
    return received.method, received.target, json.loads(received.body)


class TestRows:
    """Standard output byte for byte, exit code, and the telling part of errors."""

    def test_are_many(self) -> None:
        """There are at least sixty."""
        assert len(ROWS) >= 60

    @pytest.mark.parametrize("name", ROWS)
    def test_row(
        self, name: str, compared: Compare, aws_cli: AwsCli, server: HttpServer
    ) -> None:
        """Both print the same, end alike, and send the same."""
        check(ROWS[name], compared, aws_cli, server)

    @pytest.mark.parametrize("aws_cli", ["2"], indirect=True)
    @pytest.mark.parametrize("name", YAML)
    def test_yaml(
        self, name: str, compared: Compare, aws_cli: AwsCli, server: HttpServer
    ) -> None:
        """So do they where only version 2 can be compared."""
        check(YAML[name], compared, aws_cli, server)

    @pytest.mark.parametrize("name", DIFFERENCES)
    def test_difference(self, name: str, compared: Compare, aws_cli: AwsCli) -> None:
        """Where we part from it on purpose, it is as the documentation says."""
        row, code, message = DIFFERENCES[name]
        ours, theirs = compared(row)
        assert (ours.ended.code, row.message in ours.ended.err) == (row.code, True)
        assert theirs.ended.code in codes_of(aws_cli, code)
        assert message in theirs.ended.err
        assert ours != theirs


@pytest.mark.skipif(os.name != "posix", reason="processes are measured by wait4")
class TestCommandStart:
    """benchmarks/command_start.py; how fast, no test asks."""

    @pytest.mark.parametrize("arguments", command_start.STARTS.values())
    def test_runs(
        self, aws_cli: AwsCli, tmp_path: Path, arguments: tuple[str, ...]
    ) -> None:
        """Both commands succeed, and their cost is known."""
        commands = command_start.Commands(aws_cli.executable, arguments, tmp_path, {})
        pairs, (ours, theirs) = commands.measured(1)
        assert all(lap.cpu_seconds > 0 for pair in pairs for lap in pair)
        assert min(*ours, *theirs) > 1_000_000

    def test_memory(self) -> None:
        """A ratio is that of two runs next to each other; a bar may be missing."""
        peaks = ([10_000_000, 30_000_000, 20_000_000], [40_000_000] * 3)
        bar = Bar(0.25, "a quarter")
        held, unbounded = (Memory.of("x", peaks, each) for each in (bar, None))
        assert (held.holds, unbounded.holds) == (False, True)
        start = "| x | AWS CLI | MB | 20.0 | 40.0 | 0.50 |"
        assert held.line() == f"{start} a quarter | **no** |"
        assert unbounded.line() == f"{start}  |  |"


def check(row: Row, compared: Compare, aws_cli: AwsCli, server: HttpServer) -> None:
    """Assert that the row comes to the same on both sides."""
    ours, theirs = compared(row)
    assert ours.ended.out == theirs.ended.out
    assert ours.ended.code == row.code
    assert theirs.ended.code in codes_of(aws_cli, row.code)
    message = row.message.replace(URL, server.url)
    for side in (ours, theirs):
        assert message in " ".join(side.ended.err.split())
    assert ours.arrived == theirs.arrived


def codes_of(aws_cli: AwsCli, code: int) -> set[int]:
    """Return with what this version ends where version 2 ends with the code."""
    is_old = aws_cli.version.startswith("1.")
    return CODES_OF_VERSION_1[code] if is_old else {code}
