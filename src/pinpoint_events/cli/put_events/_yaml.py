"""
Reads a request in YAML 1.2 as the same data as in JSON.

The parser is ruamel.yaml, as in AWS CLI version 2; other libraries read YAML 1.1, in
which the country code `NO` is false. This module converts the nodes, so that a time
stays text, and the result has only strings, numbers, Booleans, None, lists and dicts.
"""

import warnings
from types import ModuleType
from typing import Any, Final

from pinpoint_events.cli.put_events._values import parameter_error
from pinpoint_events.errors import ConfigurationError

__all__ = ["library", "yaml_object"]

# Limits the expansion of aliases ("billion laughs") to this many characters, or to
# twice the length of the text, which a text without aliases never exceeds. The service
# takes requests of 4,000,000 bytes.
_MAX_CHARACTERS: Final = 5_000_000
_TAG: Final = "tag:yaml.org,2002:"
_REMEDY: Final = "pass one mapping, or file:// and the path of a file that holds one"
_TEXT_TAGS: Final = {f"{_TAG}str", f"{_TAG}timestamp"}


def library() -> ModuleType:
    """
    Return ruamel.yaml.

    Raises:
        ConfigurationError: If it is not installed.
    """
    try:
        import ruamel.yaml  # noqa: PLC0415 - optional, and slow
    except ImportError as error:
        raise ConfigurationError(
            "YAML is read and written by ruamel.yaml, which is not installed; install "
            "it with: pip install 'pinpoint-events[cli]'"
        ) from error
    return ruamel.yaml


def yaml_object(option: str, text: str) -> dict[str, Any]:
    """
    Parse a YAML mapping.

    Raises:
        UsageError: If the text is not YAML, is not a mapping, or has no equivalent in
            JSON.
        ConfigurationError: If ruamel.yaml is not installed.
    """
    ruamel = library()
    yaml = ruamel.YAML(typ="safe", pure=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # for valid YAML, such as a duplicate anchor
            node = yaml.compose(text)
        value = None if node is None else _Converter(yaml, text).value(node)
    except ruamel.error.YAMLError as error:
        place = _place(getattr(error, "problem_mark", None))
        message = f"Invalid YAML received{place}; {_REMEDY}"
    except _UnsupportedYamlError as unsupported:
        message = str(unsupported)
    except RecursionError:
        message = "Invalid YAML received: it is nested too deeply"
    else:
        if isinstance(value, dict):
            return value
        message = f"Invalid type: expecting map, received {type(value)}; {_REMEDY}"
    # Raised outside the `except` blocks so that the original error, which holds the
    # text, is not attached as `__context__`.
    raise parameter_error(option, message)


def _place(mark: Any) -> str:
    return f" at line {mark.line + 1} column {mark.column + 1}" if mark else ""


class _UnsupportedYamlError(Exception):
    """The text is YAML that has no equivalent in JSON."""

    def __init__(self, message: str, node: Any) -> None:
        super().__init__(f"Invalid YAML received: {message}{_place(node.start_mark)}")


class _Converter:
    """Converts nodes to plain data; an alias is converted again at each use."""

    def __init__(self, yaml: Any, text: str) -> None:
        self._constructor = yaml.constructor
        self._max_characters = max(_MAX_CHARACTERS, 2 * len(text))
        self._characters_left = self._max_characters

    def value(self, node: Any) -> Any:
        self._count(1, node)
        if node.id == "mapping":
            return self._mapping(node)
        if node.id == "sequence":
            self._check_tag(node, "seq")
            return [self.value(each) for each in node.value]
        return self._scalar(node)

    def _scalar(self, node: Any) -> Any:
        self._count(len(node.value), node)
        if node.tag in _TEXT_TAGS:
            return _join_surrogates(node.value)
        if node.tag == f"{_TAG}null":
            return None
        if node.tag == f"{_TAG}bool":
            return node.value.lower() == "true"
        try:
            if node.tag == f"{_TAG}int":
                return self._constructor.construct_yaml_int(node)
            if node.tag == f"{_TAG}float":
                return self._constructor.construct_yaml_float(node)
        except ValueError:
            raise _UnsupportedYamlError(
                "something is tagged a number and is none", node
            ) from None
        raise _UnsupportedYamlError("a tag has no meaning in JSON", node)

    def _mapping(self, node: Any) -> dict[str, Any]:
        self._check_tag(node, "map")
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == f"{_TAG}merge":
                merged |= self._merged(value_node)
                continue
            key = self._key(key_node)
            if key in found:
                raise _UnsupportedYamlError("a key occurs twice", key_node)
            found[key] = self.value(value_node)
        return {**merged, **found}

    def _key(self, node: Any) -> str:
        """Return a key as it is written, so that an id of digits stays text."""
        if node.id != "scalar":
            raise _UnsupportedYamlError("a key is no text", node)
        self._count(len(node.value), node)
        return _join_surrogates(node.value)

    def _merged(self, node: Any) -> dict[str, Any]:
        """Return the members that `<<` adds; of several mappings, the first wins."""
        nodes = node.value if node.id == "sequence" else [node]
        found: dict[str, Any] = {}
        for each in nodes:
            value = self.value(each)
            if not isinstance(value, dict):
                raise _UnsupportedYamlError("<< takes a mapping", each)
            found = {**value, **found}
        return found

    def _check_tag(self, node: Any, kind: str) -> None:
        if node.tag != f"{_TAG}{kind}":
            raise _UnsupportedYamlError("a tag has no meaning in JSON", node)

    def _count(self, characters: int, node: Any) -> None:
        self._characters_left -= characters
        if self._characters_left < 0:
            limit = f"{self._max_characters:,}"
            message = f"aliases written out, it has more than {limit} characters"
            raise _UnsupportedYamlError(message, node)


def _join_surrogates(text: str) -> str:
    """Combine surrogate pairs, which JSON's escapes for one character produce."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
