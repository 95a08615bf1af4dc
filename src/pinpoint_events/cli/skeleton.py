"""
What `--generate-cli-skeleton` prints: every member that the service documents.

Written out, so that it is there without loading anything. A test holds it to the model
and to botocore's description of the service.
"""

from typing import Any, Final

__all__ = ["INPUT", "OUTPUT"]

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

_ITEM: Final = {"Message": "Message", "StatusCode": 0}

OUTPUT: Final[dict[str, Any]] = {
    "EventsResponse": {
        "Results": {
            _KEY: {"EndpointItemResponse": _ITEM, "EventsItemResponse": {_KEY: _ITEM}}
        }
    }
}
