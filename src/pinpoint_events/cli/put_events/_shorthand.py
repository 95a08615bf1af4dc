r"""
The AWS CLI's shorthand syntax: `BatchItem={e1={Endpoint={},Events={...}}}`.

```text
parameter = pair *("," pair)
pair      = key ("=" / "@=") values       ; "@=" reads a file://PATH value
values    = list / hash / word *("," word)
list      = "[" [value *("," value)] "]"
hash      = "{" [key ("=" / "@=") value *("," ...)] "}"
value     = list / hash / word
word      = quoted string / bare string   ; in a bare string, "\," is a comma
```

Whitespace is allowed around each of these signs. A comma separates two words or two
pairs: it separates words, unless `=` follows the second one.
Source: AWS CLI User Guide, "Using shorthand syntax", and the AWS CLI's behaviour.

The syntax has strings, lists and hashes, but no numbers: `with_types` converts strings
to the types in the service's description of the input.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

__all__ = ["ShorthandSyntaxError", "parsed", "with_types"]

_KEY: Final = re.compile(r"[A-Za-z0-9\-_.#/:]*")
_WHITESPACE: Final = re.compile(r"\s*")
_QUOTED: Final = re.compile(
    r"'((?:\\\\|\\'|[^'])*)'" r"|" r'"((?:\\\\|\\"|[^"])*)"', re.DOTALL
)
_START: Final = r"(?:\\,|[^\s\"',=\[{])"
# The first word after `=` may contain `=`; a word after a comma may not.
_FIRST_WORD: Final = re.compile(rf"{_START}(?:\\,|[^\"',\]}}])*")
_NEXT_WORD: Final = re.compile(rf"{_START}(?:\\,|[^\"',=])*")

_KEY_NAME: Final = "KeyName"  # any key of a map, in the description


class ShorthandSyntaxError(Exception):
    """The text is not shorthand syntax; the message has the position, not the text."""


def parsed(text: str, content: Callable[[str], str]) -> dict[str, Any]:
    """
    Parse shorthand syntax into dicts, lists and strings.

    Args:
        text: The text.
        content: Returns the content of the file that a word after `@=` names.

    Raises:
        ShorthandSyntaxError: If the text is not shorthand syntax.
    """
    try:
        return _Parser(text.rstrip(), content).parameter()
    except RecursionError:
        message = "shorthand syntax nested too deeply"
    raise ShorthandSyntaxError(message)


class _Parser:
    """A recursive-descent parser; `_position` is that of the next character."""

    def __init__(self, text: str, content: Callable[[str], str]) -> None:
        self._text = text
        self._content = content
        self._position = 0
        self._names_files = False

    def parameter(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self._pair(found, self._values)
        while self._position < len(self._text):
            self._expect(",")
            self._pair(found, self._values)
        return found

    def _pair(self, found: dict[str, Any], values: Callable[[], Any]) -> None:
        start = self._position
        key = self._matched(_KEY)
        self._skip_whitespace()
        self._names_files = self._current() == "@"
        if self._names_files:
            self._expect("@")
        self._expect("=")
        if key in found:
            raise ShorthandSyntaxError(
                f"Second instance of a key encountered for input: at character "
                f'{start + 1}. This is often because there is a preceding "," instead '
                "of a space."
            )
        found[key] = values()

    def _values(self) -> Any:
        if self._current() in {"[", "{"}:
            return self._value()
        word = self._word(_FIRST_WORD)
        self._skip_whitespace()
        words = [word]
        while self._current() == ",":
            comma = self._position
            self._expect(",")
            # Not a word of this list: a pair follows, or the end.
            another = self._another_word()
            if another is None:
                self._position = comma
                break
            words.append(another)
        return words if len(words) > 1 else word

    def _another_word(self) -> str | None:
        if self._current() not in {"'", '"'} and not _NEXT_WORD.match(
            self._text, self._position
        ):
            raise self._unexpected("<second>", "<none>")
        word = self._word(_NEXT_WORD)
        self._skip_whitespace()
        return word if self._current() in {",", ""} else None

    def _value(self) -> Any:
        if self._current() == "[":
            return self._list()
        if self._current() == "{":
            return self._hash()
        return self._word(_FIRST_WORD)

    def _list(self) -> list[Any]:
        found = []
        self._expect("[")
        while self._current() != "]":
            found.append(self._value())
            self._between("]")
        self._expect("]")
        return found

    def _hash(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self._expect("{")
        while self._current() != "}":
            self._pair(found, self._value)
            self._between("}")
        self._expect("}")
        return found

    def _between(self, end: str) -> None:
        self._skip_whitespace()
        if self._current() != end:
            self._expect(",")

    def _word(self, bare: re.Pattern[str]) -> str:
        quote = self._current()
        if quote in {"'", '"'}:
            match = _QUOTED.match(self._text, self._position)
            if match is None:
                kind = "single" if quote == "'" else "double"
                raise self._unexpected(f"<{kind} quoted>", "<none>")
            self._position = match.end()
            word = match[0][1:-1].replace(f"\\{quote}", quote).replace("\\\\", "\\")
        else:
            word = self._matched(bare).replace("\\,", ",").rstrip()
        return self._content(word) if self._names_files else word

    def _expect(self, sign: str) -> None:
        """Advance past the sign and the whitespace around it."""
        self._skip_whitespace()
        current = self._current()
        if current != sign:
            raise self._unexpected(sign, current or "EOF")
        self._position += 1
        self._skip_whitespace()

    def _unexpected(self, expected: str, received: str) -> ShorthandSyntaxError:
        return ShorthandSyntaxError(
            f"Expected: '{expected}', received: '{received}' for input: at character "
            f"{self._position + 1}"
        )

    def _matched(self, pattern: re.Pattern[str]) -> str:
        """Advance past what the pattern matches here, and return it, even if empty."""
        match = pattern.match(self._text, self._position)
        if match is None:
            return ""
        self._position = match.end()
        return match[0]

    def _skip_whitespace(self) -> None:
        self._matched(_WHITESPACE)

    def _current(self) -> str:
        """Return the next character; the empty string at the end."""
        return self._text[self._position : self._position + 1]


def with_types(found: Any, model: Any) -> Any:
    """
    Convert strings to numbers and lists where the service's description has them.

    A value that cannot be converted is returned unchanged: `from_wire` reports it.

    Args:
        found: The parsed value.
        model: The service's description: a skeleton of the input.
    """
    if isinstance(model, Mapping):
        if not isinstance(found, dict):
            return found
        item_model = model.get(_KEY_NAME)
        return {
            key: with_types(value, model.get(key) if item_model is None else item_model)
            for key, value in found.items()
        }
    if isinstance(model, list):
        return [found] if isinstance(found, str) else found
    if isinstance(found, str) and isinstance(model, int | float):
        try:
            return type(model)(found)
        except ValueError:
            return found
    return found
