"""
The model as the service writes it: names, units, omissions, JSON.

Each member has the PascalCase of its Python name. Left out are None and empty mappings,
but a batch always has `Endpoint` and `Events`. Times are UTC with three digits of a
second and `Z`, as all of the service's own SDKs write them.

Requests are read strictly: an unknown key is a problem, because a typo must not vanish.
Answers are read leniently: unknown keys are ignored and unknown codes kept.

    json_text            JSON text and plain data
    names                the service's names of members, and problems in those names
    writing              objects to plain data
    reading_requests     plain data to objects, strictly
    reading_answers      plain data to objects, leniently
    converter            the cattrs converter, which finds those of a class
    api                  the public functions
"""

from pinpoint_events.wire.api import from_json, from_wire, to_json, to_wire

__all__ = ["from_json", "from_wire", "to_json", "to_wire"]
