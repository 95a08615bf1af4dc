r"""
The AWS CLI's shorthand syntax: `BatchItem={e1={Endpoint={},Events={...}}}`.

```text
parameter = pair *("," pair)
pair      = key ("=" / "@=") values       ; after "@=", file://PATH gives a content
values    = list / hash / word *("," word)
list      = "[" [value *("," value)] "]"
hash      = "{" [key ("=" / "@=") value *("," ...)] "}"
value     = list / hash / word
word      = a quoted text / a bare text, in which "\," is a comma
```

Blanks may stand around each of these signs. A comma may stand between two words or
between two pairs: it is taken to be the first, unless `=` follows the second word.
Source: AWS CLI User Guide, "Using shorthand syntax", and what the AWS CLI does.

The syntax tells texts, lists and hashes apart, and no numbers: those become what the
service's description of the input says.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

__all__ = ["ShorthandSyntaxError", "parsed", "with_types"]

_KEY: Final = re.compile(r"[A-Za-z0-9\-_.#/:]*")
_BLANKS: Final = re.compile(r"\s*")
_QUOTED: Final = re.compile(
    r"'((?:\\\\|\\'|[^'])*)'" r"|" r'"((?:\\\\|\\"|[^"])*)"', re.DOTALL
)
_START: Final = r"(?:\\,|[^\s\"',=\[{])"
# The first word after `=` may have a `=` in it; one that comes after a comma may not.
_FIRST_WORD: Final = re.compile(rf"{_START}(?:\\,|[^\"',\]}}])*")
_NEXT_WORD: Final = re.compile(rf"{_START}(?:\\,|[^\"',=])*")

_KEY_NAME: Final = "KeyName"  # the one key of a map in the description


class ShorthandSyntaxError(Exception):
    """The text is no shorthand syntax; the message has its place, and nothing of it."""


def parsed(text: str, content: Callable[[str], str]) -> dict[str, Any]:
    """
    Return what the text says: dicts, lists and texts.

    Args:
        text: In shorthand syntax.
        content: Returns the content that a text after `@=` names.

    Raises:
        ShorthandSyntaxError: If it is none.
    """
    try:
        return _Reader(text.rstrip(), content).parameter()
    except RecursionError:
        message = "shorthand syntax nested too deeply"
    raise ShorthandSyntaxError(message)


class _Reader:
    """Reads from the start to the end; `_at` is the position of the next character."""

    def __init__(self, text: str, content: Callable[[str], str]) -> None:
        self._text = text
        self._content = content
        self._at = 0
        self._names_files = False

    def parameter(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self._pair(found, self._values)
        while self._at < len(self._text):
            self._expect(",")
            self._pair(found, self._values)
        return found

    def _pair(self, found: dict[str, Any], values: Callable[[], Any]) -> None:
        start = self._at
        key = self._matched(_KEY)
        self._skip_blanks()
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
        self._skip_blanks()
        words = [word]
        while self._current() == ",":
            comma = self._at
            self._expect(",")
            # A pair follows, or nothing, if this is no word of the list.
            another = self._another_word()
            if another is None:
                self._at = comma
                break
            words.append(another)
        return words if len(words) > 1 else word

    def _another_word(self) -> str | None:
        if self._current() not in {"'", '"'} and not _NEXT_WORD.match(
            self._text, self._at
        ):
            raise self._unexpected("<second>", "<none>")
        word = self._word(_NEXT_WORD)
        self._skip_blanks()
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
        self._skip_blanks()
        if self._current() != end:
            self._expect(",")

    def _word(self, bare: re.Pattern[str]) -> str:
        quote = self._current()
        if quote in {"'", '"'}:
            match = _QUOTED.match(self._text, self._at)
            if match is None:
                kind = "single" if quote == "'" else "double"
                raise self._unexpected(f"<{kind} quoted>", "<none>")
            self._at = match.end()
            word = match[0][1:-1].replace(f"\\{quote}", quote).replace("\\\\", "\\")
        else:
            word = self._matched(bare).replace("\\,", ",").rstrip()
        return self._content(word) if self._names_files else word

    def _expect(self, sign: str) -> None:
        """Go past the sign, and the blanks around it."""
        self._skip_blanks()
        current = self._current()
        if current != sign:
            raise self._unexpected(sign, current or "EOF")
        self._at += 1
        self._skip_blanks()

    def _unexpected(self, expected: str, received: str) -> ShorthandSyntaxError:
        return ShorthandSyntaxError(
            f"Expected: '{expected}', received: '{received}' for input: at character "
            f"{self._at + 1}"
        )

    def _matched(self, pattern: re.Pattern[str]) -> str:
        """Go past what the pattern matches here, and return it; it may be nothing."""
        match = pattern.match(self._text, self._at)
        if match is None:
            return ""
        self._at = match.end()
        return match[0]

    def _skip_blanks(self) -> None:
        self._matched(_BLANKS)

    def _current(self) -> str:
        """Return the sign that is next; the empty text at the end."""
        return self._text[self._at : self._at + 1]


def with_types(found: Any, model: Any) -> Any:
    """
    Return what was read, with numbers and lists where the description has them.

    What does not fit stays as it is: the request's own rules refuse it.

    Args:
        found: What the syntax says.
        model: The service's description: a skeleton of the input.
    """
    if isinstance(model, Mapping):
        if not isinstance(found, dict):
            return found
        of_all = model.get(_KEY_NAME)
        return {
            key: with_types(value, model.get(key) if of_all is None else of_all)
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
