"""
A request in YAML 1.2, read as the same data in JSON.

By ruamel.yaml, as in AWS CLI version 2: in YAML 1.1, which others read, the country
code `NO` is false. It parses; what the nodes mean is decided here, so that a time stays
the text that it was, and that nothing is made but texts, numbers, lists and dicts.
"""

import warnings
from types import ModuleType
from typing import Any, Final

from pinpoint_events.cli.put_events._values import parameter_error
from pinpoint_events.errors import ConfigurationError

__all__ = ["library", "yaml_object"]

# With all aliases written out, or as many as twice the text has: without aliases it is
# never more. The service takes requests of 4,000,000 bytes.
_MOST_CHARACTERS: Final = 5_000_000
_TAG: Final = "tag:yaml.org,2002:"
_A_MAPPING: Final = "pass one mapping, or file:// and the path of a file that holds one"
_AS_WRITTEN: Final = {f"{_TAG}str", f"{_TAG}timestamp"}


def library() -> ModuleType:
    """
    Return ruamel.yaml.

    Raises:
        ConfigurationError: If it is not installed.
    """
    try:
        import ruamel.yaml  # noqa: PLC0415 - optional, and slow to load
    except ImportError as error:
        raise ConfigurationError(
            "YAML is read and written by ruamel.yaml, which is not installed; install "
            "it with: pip install 'pinpoint-events[cli]'"
        ) from error
    return ruamel.yaml


def yaml_object(option: str, text: str) -> dict[str, Any]:
    """
    Return the mapping that the YAML text is.

    Raises:
        UsageError: If it is no YAML, or no mapping, or has no counterpart in JSON.
        ConfigurationError: If ruamel.yaml is not installed.
    """
    ruamel = library()
    yaml = ruamel.YAML(typ="safe", pure=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what YAML allows, as an anchor twice
            node = yaml.compose(text)
        value = None if node is None else _Reader(yaml, text).value(node)
    except ruamel.error.YAMLError as error:
        place = _place(getattr(error, "problem_mark", None))
        message = f"Invalid YAML received{place}; {_A_MAPPING}"
    except _UnsupportedYamlError as unfit:
        message = str(unfit)
    except RecursionError:
        message = "Invalid YAML received: it is nested too deeply"
    else:
        if isinstance(value, dict):
            return value
        message = f"Invalid type: expecting map, received {type(value)}; {_A_MAPPING}"
    # Out here: the errors above hold the text.
    raise parameter_error(option, message)


def _place(mark: Any) -> str:
    return f" at line {mark.line + 1} column {mark.column + 1}" if mark else ""


class _UnsupportedYamlError(Exception):
    """The text is YAML, but nothing that JSON could say."""

    def __init__(self, message: str, node: Any) -> None:
        super().__init__(f"Invalid YAML received: {message}{_place(node.start_mark)}")


class _Reader:
    """Turns nodes into plain data; an alias is read again each time it is met."""

    def __init__(self, yaml: Any, text: str) -> None:
        self._constructor = yaml.constructor
        self._most = max(_MOST_CHARACTERS, 2 * len(text))
        self._left = self._most

    def value(self, node: Any) -> Any:
        self._spend(1, node)
        if node.id == "mapping":
            return self._mapping(node)
        if node.id == "sequence":
            self._refuse_tag(node, "seq")
            return [self.value(each) for each in node.value]
        return self._scalar(node)

    def _scalar(self, node: Any) -> Any:
        self._spend(len(node.value), node)
        if node.tag in _AS_WRITTEN:
            return _joined(node.value)
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
        self._refuse_tag(node, "map")
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
        """Return a key as it is written: an id of digits is an id."""
        if node.id != "scalar":
            raise _UnsupportedYamlError("a key is no text", node)
        self._spend(len(node.value), node)
        return _joined(node.value)

    def _merged(self, node: Any) -> dict[str, Any]:
        """Return what `<<` adds: of several mappings, the first goes before others."""
        nodes = node.value if node.id == "sequence" else [node]
        found: dict[str, Any] = {}
        for each in nodes:
            value = self.value(each)
            if not isinstance(value, dict):
                raise _UnsupportedYamlError("<< takes a mapping", each)
            found = {**value, **found}
        return found

    def _refuse_tag(self, node: Any, kind: str) -> None:
        if node.tag != f"{_TAG}{kind}":
            raise _UnsupportedYamlError("a tag has no meaning in JSON", node)

    def _spend(self, characters: int, node: Any) -> None:
        self._left -= characters
        if self._left < 0:
            message = f"aliases written out, it has more than {self._most:,} characters"
            raise _UnsupportedYamlError(message, node)


def _joined(text: str) -> str:
    """Return a text in which the halves of a character are one, as JSON escapes it."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
