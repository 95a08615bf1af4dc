"""Short code in tables gets the class `short`, so that it is not broken into lines."""

from typing import Any, Final

from docutils import nodes
from sphinx.application import Sphinx

# A column of this width leaves room for another on a narrow screen.
_MAX_CHARACTERS: Final = 24


def _mark_short_code(_app: Sphinx, doctree: nodes.document) -> None:
    for table in doctree.findall(nodes.table):
        for code in table.findall(nodes.literal):
            if len(code.astext()) <= _MAX_CHARACTERS:
                code["classes"].append("short")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to what has read a page."""
    app.connect("doctree-read", _mark_short_code)
    return {"parallel_read_safe": True}
