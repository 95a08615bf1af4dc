"""How data are printed: as JSON, YAML or text, whole or in part, as by the AWS CLI."""

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
    "an id with other signs than letters, digits and _ stands in double quotes, as in "
    'EventsResponse.Results."user-1"'
)


class Output(NamedTuple):
    """
    A way to print data.

    Attributes:
        format: `json`, `yaml` or `text`.
        query: A compiled JMESPath expression; None prints all.
    """

    format: str = _DEFAULT
    query: Any = None

    def text(self, data: Any) -> str:
        """
        Return what to print, without the last line break; it may be nothing.

        Raises:
            OutputError: If the data have nothing that the query can be asked of.
        """
        if self.query is not None:
            data = _searched(self.query, data)
        if self.format == "text":
            return "\n".join(_text_lines(data))
        if data == {}:
            return ""
        if self.format == "yaml" and isinstance(data, dict | list):
            return _as_yaml(data)
        return json.dumps(data, indent=4, ensure_ascii=False)


def chosen_output(options: Namespace) -> Output:
    """
    Return what the options ask for, or AWS settings where they leave it open.

    Raises:
        UsageError: If the query is none.
        ConfigurationError: If YAML is asked for and cannot be written, or the settings
            ask for a format that is not known.
    """
    query = None if options.query is None else _compiled(options.query)
    chosen = options.output or _configured(options) or _DEFAULT
    if chosen not in FORMATS:
        raise ConfigurationError(
            f"Unknown output type: {shortened(chosen)}, by AWS_DEFAULT_OUTPUT or the "
            f"profile; pass --output with one of {', '.join(FORMATS)}"
        )
    if chosen == "yaml":
        from pinpoint_events.cli.put_events._yaml import library  # noqa: PLC0415

        library()  # is missed before anything is sent, not after it
    return Output(chosen, query)


def _configured(options: Namespace) -> str | None:
    variable = os.environ.get("AWS_DEFAULT_OUTPUT")
    # Files take long to read; they count where they count for what is sent, too.
    if variable or options.to is not None or options.dry_run:
        return variable
    path = os.environ.get("AWS_CONFIG_FILE", "~/.aws/config")
    try:
        if not Path(os.path.expandvars(path)).expanduser().is_file():
            return None
    except RuntimeError:
        return None  # there is no home directory
    from pinpoint_events.cli.put_events._sender import profile_setting  # noqa: PLC0415

    return profile_setting(options, "output")


def _compiled(expression: str) -> Any:
    import jmespath  # noqa: PLC0415 - slow to load

    try:
        query = jmespath.compile(expression)
        _try_out(query)
    except jmespath.exceptions.JMESPathError as error:
        # It goes on with a picture of the expression, over several lines.
        told = str(error).partition("\n")[0]
        told = told.rstrip(":.").removesuffix(", for expression")
    except RecursionError:
        told = "it is nested too deeply"
    else:
        return query
    # A hyphen in an id is what it mostly is.
    remedy = _QUOTED if "token" in told else "jmespath.org has its syntax"
    shown = shortened(expression)[1:-1]
    raise UsageError(f"Bad value for --query {shown}: {told}; {remedy}")


def _try_out(query: Any) -> None:
    """Look up the functions that a query calls, which only a search does."""
    import jmespath  # noqa: PLC0415 - slow to load

    # Whether it fits the data depends on the data.
    with suppress(jmespath.exceptions.JMESPathTypeError):
        query.search(skeleton.OUTPUT)


def _searched(query: Any, data: Any) -> Any:
    import jmespath  # noqa: PLC0415 - slow to load

    try:
        return query.search(data)
    except jmespath.exceptions.JMESPathError as error:
        kind = type(error).__name__
    raise console.OutputError(
        f"Bad value for --query: it cannot be asked of what is to be printed ({kind})"
    )


def _as_yaml(data: Any) -> str:
    import io  # noqa: PLC0415

    from pinpoint_events.cli.put_events._yaml import library  # noqa: PLC0415

    yaml = library().YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    written = io.StringIO()
    yaml.dump(data, written)
    return written.getvalue().removesuffix("\n")


def _text_lines(
    data: Any, name: str | None = None, columns: list[str] | None = None
) -> Iterator[str]:
    """
    Yield lines of values between tabs, each behind the name of what they belong to.

    Args:
        data: What to print.
        name: Under which it stands, if it does.
        columns: Of a list's dicts: the names of all values in any of them.
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
        columns = [each for each in names if not isinstance(data[each], dict | list)]
    else:
        names = sorted(data.keys() | columns)
    values = [str(data.get(each, "")) for each in columns]
    if values:
        yield "\t".join(values if name is None else [name.upper(), *values])
    for each in names:
        if each not in columns:
            yield from _text_lines(data[each], each)


def _list_lines(data: list[Any], name: str | None) -> Iterator[str]:
    dicts = [each for each in data if isinstance(each, dict)]
    if dicts:
        columns = sorted(
            {
                key
                for each in dicts
                for key, value in each.items()
                if not isinstance(value, dict | list)
            }
        )
        for each in data:
            yield from _text_lines(each, name, columns)
        return
    values = [str(each) for each in data if not isinstance(each, list)]
    if values and name is not None:
        yield from (f"{name.upper()}\t{value}" for value in values)
    elif values:
        yield "\t".join(values)
    for each in data:
        if isinstance(each, list):
            yield from _text_lines(each, name)
