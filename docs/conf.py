"""Sphinx settings. Build with `nox -s docs`; every warning is an error there."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "pinpoint_events"
copyright = "the pinpoint_events maintainers"
release = version_of("pinpoint-events")
version = ".".join(release.split(".")[:2])

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_design",
    "command_line",
    "public_names",
    "tables",
]
# For maintainers, who read it in the repository.
exclude_patterns = ["_build", "releasing.md"]
nitpicky = True
# In docstrings, `name` is code; the extension `public_names` links what is public.
default_role = "literal"
smartquotes = False

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"pinpoint_events {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_js_files = ["copy.js"]

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
python_maximum_signature_line_length = 88
# One list entry for each attribute of a class, in its docstring's own words.
napoleon_use_ivar = True
napoleon_numpy_docstring = False

# The build reads nothing from the network, so names that other projects document have
# no target. Names of this package must have one.
nitpick_ignore_regex = [
    ("py:.*", r"(?!pinpoint_events\b)[\w.]+"),
    # Type variables, which have no page.
    ("py:class", r"pinpoint_events\.[\w.]+\.[A-Z]"),
]
