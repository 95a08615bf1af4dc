"""
The output of `--generate-cli-skeleton`: every member that the service documents.

The skeletons are literals, so that printing them imports nothing else. Tests compare
them with the model and with botocore's description of the service.
"""

from typing import Any, Final

__all__ = ["INPUT", "OUTPUT", "input_as_yaml"]

_KEY: Final = "KeyName"
_TEXTS: Final = {_KEY: [""]}
_NUMBERS: Final = {_KEY: 0.0}

_ENDPOINT: Final[dict[str, Any]] = {
    "Address": "",
    "Attributes": _TEXTS,
    "ChannelType": "PUSH",
    "Demographic": {
        "AppVersion": "",
        "Locale": "",
        "Make": "",
        "Model": "",
        "ModelVersion": "",
        "Platform": "",
        "PlatformVersion": "",
        "Timezone": "",
    },
    "EffectiveDate": "",
    "EndpointStatus": "",
    "Location": {
        "City": "",
        "Country": "",
        "Latitude": 0.0,
        "Longitude": 0.0,
        "PostalCode": "",
        "Region": "",
    },
    "Metrics": _NUMBERS,
    "OptOut": "",
    "RequestId": "",
    "User": {"UserAttributes": _TEXTS, "UserId": ""},
}

_EVENT: Final[dict[str, Any]] = {
    "AppPackageName": "",
    "AppTitle": "",
    "AppVersionCode": "",
    "Attributes": {_KEY: ""},
    "ClientSdkVersion": "",
    "EventType": "",
    "Metrics": _NUMBERS,
    "SdkName": "",
    "Session": {"Duration": 0, "Id": "", "StartTimestamp": "", "StopTimestamp": ""},
    "Timestamp": "",
}

INPUT: Final[dict[str, Any]] = {
    "ApplicationId": "",
    "EventsRequest": {
        "BatchItem": {_KEY: {"Endpoint": _ENDPOINT, "Events": {_KEY: _EVENT}}}
    },
}


def _item() -> dict[str, Any]:
    # A new object for each place: YAML writes an object that occurs twice as an alias.
    return {"Message": "Message", "StatusCode": 0}


OUTPUT: Final[dict[str, Any]] = {
    "EventsResponse": {
        "Results": {
            _KEY: {
                "EndpointItemResponse": _item(),
                "EventsItemResponse": {_KEY: _item()},
            }
        }
    }
}


def input_as_yaml() -> str:
    """
    Return the input in YAML, with a comment on each member, as in AWS CLI version 2.

    The comments are the first sentences of the service's documentation in botocore.
    """
    from importlib import resources  # noqa: PLC0415 - needed here only

    file = resources.files(__package__).joinpath("skeleton-input.yaml")
    return file.read_text(encoding="utf-8").removesuffix("\n")
