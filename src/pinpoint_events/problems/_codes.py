"""The kinds of fault, the audiences of their words, and the types expected."""

from pinpoint_events.problems._word_enum import WordEnum

__all__ = ["Audience", "Expected", "ProblemCode"]


class ProblemCode(WordEnum):
    """A kind of fault. Programs branch on it; its words are for people."""

    # Values
    WRONG_TYPE = "wrong_type"
    WRONG_TYPE_OF_VALUE = "wrong_type_of_value"
    NOT_AN_INSTANCE = "not_an_instance"
    PLAIN_DATA = "plain_data"
    BARE_TEXT = "bare_text"
    NUMBER_AS_TIME = "number_as_time"
    EMPTY = "empty"
    LONE_SURROGATE = "lone_surrogate"
    NOT_ISO_8601 = "not_iso_8601"
    NO_TIME_OF_DAY = "no_time_of_day"
    NO_TIME_ZONE = "no_time_zone"
    TIME_OUT_OF_RANGE = "time_out_of_range"
    NEGATIVE_DURATION = "negative_duration"
    INTEGER_TOO_LARGE = "integer_too_large"
    METRIC_TOO_LARGE = "metric_too_large"
    NOT_FINITE = "not_finite"
    ANGLE_OUT_OF_RANGE = "angle_out_of_range"
    NUMBER_OUT_OF_RANGE = "number_out_of_range"
    UNKNOWN_VALUE = "unknown_value"

    # Keys
    WRONG_KEY_TYPE = "wrong_key_type"
    EMPTY_KEY = "empty_key"
    LONE_SURROGATE_IN_KEY = "lone_surrogate_in_key"
    DUPLICATE_KEY = "duplicate_key"

    # Rules between members
    MISSING_CHANNEL_TYPE = "missing_channel_type"
    MISSING_PRICE = "missing_price"
    STOP_BEFORE_START = "stop_before_start"
    DURATION_MISMATCH = "duration_mismatch"
    STATUS_CODE_NOT_ALONE = "status_code_not_alone"
    ATTRIBUTE_TAKEN = "attribute_taken"
    SET_BY_ARGUMENT = "set_by_argument"

    # Wire data and JSON text
    MISSING = "missing"
    UNKNOWN_KEY = "unknown_key"
    DUPLICATE_MEMBER = "duplicate_member"
    SET_BY_SERVICE = "set_by_service"
    WRAPPED_REQUEST = "wrapped_request"
    NOT_AN_OBJECT = "not_an_object"
    ALREADY_AN_OBJECT = "already_an_object"
    NOT_JSON = "not_json"
    NOT_UTF8 = "not_utf8"
    JSON_TOO_DEEP = "json_too_deep"
    JSON_NUMBER_TOO_LONG = "json_number_too_long"
    JSON_CONSTANT = "json_constant"

    # Quotas
    TOO_MANY_EVENTS = "too_many_events"
    TOO_MANY_ENDPOINTS = "too_many_endpoints"
    REQUEST_TOO_LARGE = "request_too_large"
    EVENT_TOO_LARGE = "event_too_large"
    ENDPOINT_TOO_LARGE = "endpoint_too_large"
    EVENT_WITH_ENDPOINT_TOO_LARGE = "event_with_endpoint_too_large"
    TOO_MANY_ATTRIBUTES = "too_many_attributes"
    TOO_MANY_VALUES = "too_many_values"
    KEY_TOO_LONG = "key_too_long"
    VALUE_TOO_LONG = "value_too_long"

    # Builder and senders
    EMPTY_BUILDER = "empty_builder"
    NO_CURRENT_ENDPOINT = "no_current_endpoint"
    ENDPOINT_DIFFERS = "endpoint_differs"
    EVENT_ID_TAKEN = "event_id_taken"
    BUILDER_NOT_BUILT = "builder_not_built"
    SEVERAL_REQUESTS = "several_requests"

    # Settings
    LIMIT_NOT_POSITIVE = "limit_not_positive"
    ATTEMPTS_NOT_POSITIVE = "attempts_not_positive"
    SECONDS_NOT_POSITIVE = "seconds_not_positive"

    # Faults of an endpoint, and files to load
    NOT_A_FAULT = "not_a_fault"
    NOT_POSITIVE_INTEGERS = "not_positive_integers"
    NOT_HEADER_TEXT = "not_header_text"
    LINE_TOO_LONG = "line_too_long"
    SEVERAL_RECORDS = "several_records"
    COMMA_AFTER_RECORD = "comma_after_record"
    CALL_WITHOUT_REQUEST = "call_without_request"
    STREAM_RECORD = "stream_record"
    MOBILE_ANALYTICS_RECORD = "mobile_analytics_record"
    OTHER_APPLICATION = "other_application"

    # In place of the problems past the hundredth
    MORE_PROBLEMS = "more_problems"


class Expected(WordEnum):
    """What a value of a wrong type should have been."""

    ATTEMPTS = "attempts"
    BOOLEAN = "boolean"
    BYTES = "bytes"
    DURATION = "duration"
    FILE = "file"
    FILES = "files"
    FUNCTION = "function"
    INTEGER = "integer"
    INTEGERS = "integers"
    JSON = "json"
    LIST = "list"
    MAPPING = "mapping"
    MEASURE = "measure"
    NAME = "name"
    NUMBER = "number"
    PATH = "path"
    SECONDS = "seconds"
    SENDER = "sender"
    TEXT = "text"
    TEXTS = "texts"
    TIME = "time"


class Audience(WordEnum):
    """
    Whose terms the words of a problem use.

    Attributes:
        PYTHON: Callers of constructors, builders and senders.
        JSON: Those who write JSON: for `from_wire`, `from_json`, the endpoint, `load`.
        COMMAND_LINE: Users of `pinpoint-events put-events`, who know the AWS CLI.
    """

    PYTHON = "python"
    JSON = "json"
    COMMAND_LINE = "command_line"
