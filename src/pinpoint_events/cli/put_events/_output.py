"""Formats output as JSON, YAML or text, and applies `--query`, as the AWS CLI does."""

import json
import os
from argparse import Namespace
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from pinpoint_events.cli import _console as console
from pinpoint_events.cli._parser import UsageError
from pinpoint_events.cli.put_events import skeleton
from pinpoint_events.cli.put_events._options import FORMATS
from pinpoint_events.errors import ConfigurationError
from pinpoint_events.problems import shortened

__all__ = ["Output", "chosen_output"]

_DEFAULT: Final = "json"
_QUOTED: Final = (
    "an id with other characters than letters, digits and _ needs double quotes, as in "
    'EventsResponse.Results."user-1"'
)
_SYNTAX: Final = "jmespath.org has its syntax"


class Output(NamedTuple):
    """
    An output format, and a query that selects a part.

    Attributes:
        format: `json`, `yaml` or `text`.
        query: A compiled JMESPath expression; None prints all.
    """

    format: str = _DEFAULT
    query: Any = None

    def text(self, data: Any) -> str:
        """
        Return the text to print, without the last line break; it may be empty.

        Raises:
            OutputError: If the query does not apply to the data.
        """
        if self.query is not None:
            data = _search(self.query, data)
        if self.format == "text":
            return "\n".join(_text_lines(data))
        if data == {}:
            return ""
        if self.format == "yaml" and isinstance(data, dict | list):
            return _yaml_text(data)
        return json.dumps(data, indent=4, ensure_ascii=False)


def chosen_output(options: Namespace) -> Output:
    """
    Return the output that the options choose, or else AWS settings.

    Raises:
        UsageError: If the query is invalid.
        ConfigurationError: If YAML is chosen and ruamel.yaml is missing, or the
            settings name an unknown format.
    """
    query = None if options.query is None else _compile(options.query)
    name = options.output or _configured_format(options) or _DEFAULT
    if name not in FORMATS:
        raise ConfigurationError(
            f"Unknown output type: {shortened(name)}, by AWS_DEFAULT_OUTPUT or the "
            f"profile; pass --output with one of {', '.join(FORMATS)}"
        )
    if name == "yaml":
        from pinpoint_events.cli.put_events._yaml import library  # noqa: PLC0415

        library()  # raises here, before the request is sent
    return Output(name, query)


def _configured_format(options: Namespace) -> str | None:
    variable = os.environ.get("AWS_DEFAULT_OUTPUT")
    # The config file is slow to read, and applies only to requests to AWS.
    if variable or options.to is not None or options.dry_run:
        return variable
    path = os.environ.get("AWS_CONFIG_FILE", "~/.aws/config")
    try:
        if not Path(os.path.expandvars(path)).expanduser().is_file():
            return None
    except RuntimeError:
        return None  # no home directory
    from pinpoint_events.cli.put_events._sender import profile_setting  # noqa: PLC0415

    return profile_setting(options, "output")


def _compile(expression: str) -> Any:
    import jmespath  # noqa: PLC0415 - slow

    try:
        query = jmespath.compile(expression)
        _check_functions(query)
    except jmespath.exceptions.JMESPathError as error:
        message, remedy = _syntax_error(error)
    except RecursionError:
        message, remedy = "it is nested too deeply", _SYNTAX
    else:
        return query
    shown = shortened(expression)[1:-1]
    raise UsageError(f"Bad value for --query {shown}: {message}; {remedy}")


def _syntax_error(error: Any) -> tuple[str, str]:
    """
    Return the message for a query that cannot be compiled, and the remedy.

    The message is jmespath's, built from its attributes: the text of its parse errors
    quotes the expression, over several lines.
    """
    from jmespath import exceptions  # noqa: PLC0415 - slow

    match error:
        case exceptions.EmptyExpressionError():
            return "Invalid JMESPath expression: cannot be empty", _SYNTAX
        case exceptions.IncompleteExpressionError():
            return f"{error.msg}: Incomplete expression", _SYNTAX
        case exceptions.LexerError():
            # The usual cause is a hyphen in an id, here and in the next case.
            return f"Bad jmespath expression: {error.message}", _QUOTED
        case exceptions.ParseError() if not isinstance(error, exceptions.ArityError):
            token = f'token "{error.token_value}" ({error.token_type})'
            place = f"Parse error at column {error.lex_position}"
            return f"{error.msg}: {place}, {token}", _QUOTED
        case _:
            return str(error), _SYNTAX


def _check_functions(query: Any) -> None:
    """Raise for an unknown function, which jmespath looks up only when searching."""
    import jmespath  # noqa: PLC0415 - slow

    # Type errors depend on the data of the actual response.
    with suppress(jmespath.exceptions.JMESPathTypeError):
        query.search(skeleton.OUTPUT)


def _search(query: Any, data: Any) -> Any:
    import jmespath  # noqa: PLC0415 - slow

    try:
        return query.search(data)
    except jmespath.exceptions.JMESPathError as error:
        name = type(error).__name__
    # Raised outside the `except` block: the original error quotes the data.
    raise console.OutputError(
        f"Bad value for --query: it does not apply to the output ({name})"
    )


def _yaml_text(data: Any) -> str:
    import io  # noqa: PLC0415

    from pinpoint_events.cli.put_events._yaml import library  # noqa: PLC0415

    yaml = library().YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    text = io.StringIO()
    yaml.dump(data, text)
    return text.getvalue().removesuffix("\n")


def _text_lines(
    data: Any, name: str | None = None, columns: list[str] | None = None
) -> Iterator[str]:
    """
    Yield lines of values separated by tabs, each after the name of its member.

    Args:
        data: The data to print.
        name: The name of the member that holds the data, if any.
        columns: For a dict in a list: the names of the scalars in all dicts of it.
    """
    if isinstance(data, dict):
        yield from _dict_lines(data, name, columns)
    elif isinstance(data, list):
        yield from _list_lines(data, name)
    else:
        yield str(data)


def _dict_lines(
    data: dict[str, Any], name: str | None, columns: list[str] | None
) -> Iterator[str]:
    if columns is None:
        names = sorted(data)
        columns = [key for key in names if not isinstance(data[key], dict | list)]
    else:
        names = sorted(data.keys() | columns)
    values = [str(data.get(key, "")) for key in columns]
    if values:
        yield "\t".join(values if name is None else [name.upper(), *values])
    for key in names:
        if key not in columns:
            yield from _text_lines(data[key], key)


def _list_lines(data: list[Any], name: str | None) -> Iterator[str]:
    dicts = [item for item in data if isinstance(item, dict)]
    if dicts:
        columns = sorted(
            {
                key
                for item in dicts
                for key, value in item.items()
                if not isinstance(value, dict | list)
            }
        )
        for item in data:
            yield from _text_lines(item, name, columns)
        return
    values = [str(item) for item in data if not isinstance(item, list)]
    if values and name is not None:
        yield from (f"{name.upper()}\t{value}" for value in values)
    elif values:
        yield "\t".join(values)
    for item in data:
        if isinstance(item, list):
            yield from _text_lines(item, name)
