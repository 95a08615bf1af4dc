"""Sphinx settings. Build with `nox -s docs`; every warning is an error there."""

from importlib.metadata import version as version_of

project = "pinpoint_events"
copyright = "the pinpoint_events maintainers"
release = version_of("pinpoint-events")
version = ".".join(release.split(".")[:2])

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build"]
nitpicky = True

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"pinpoint_events {release}"

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
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
