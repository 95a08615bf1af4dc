"""
Problems: what is wrong with some input, as facts; and the words for them.

A `Problem` is a code, a path and the facts of the case. Nothing in this package reads a
sentence: programs branch on codes and facts. The sentences are in one catalogue for
each `Audience`, and nowhere else.
"""

from pinpoint_events.problems._codes import Audience, Expected, ProblemCode
from pinpoint_events.problems._paths import (
    MAPPING_MEMBERS,
    file_text,
    keys_in,
    path_text,
    shortened,
)
from pinpoint_events.problems._problem import Fact, Problem, Words
from pinpoint_events.problems._word_enum import WordEnum

__all__ = [
    "MAPPING_MEMBERS",
    "Audience",
    "Expected",
    "Fact",
    "Problem",
    "ProblemCode",
    "WordEnum",
    "Words",
    "file_text",
    "keys_in",
    "path_text",
    "shortened",
]
