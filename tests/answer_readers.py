"""Runs tests of direct connections with each reader of answers."""

from collections.abc import Iterator
from typing import Final

import pytest

from pinpoint_events.aws import http
from pinpoint_events.aws.answer_reader import HeadReader
from pinpoint_events.aws.direct import Direct
from pinpoint_events.aws.fast_answer_reader import read_head
from pinpoint_events.aws.http import Transport
from pinpoint_events.aws.link import Link

HEAD_READERS: Final[dict[str, HeadReader | None]] = {
    "http.client": None,
    "httptools": read_head,
}
_chosen: list[HeadReader | None] = []


@pytest.fixture(params=HEAD_READERS)
def reader(request: pytest.FixtureRequest) -> Iterator[str]:
    """Have `transport` read by each reader in turn, from the first answer on."""
    _chosen.append(HEAD_READERS[request.param])
    yield request.param
    _chosen.pop()


def transport(link: Link) -> Transport:
    """Return what sends to a service, and reads as the fixture `reader` says."""
    if link.proxy is not None or not _chosen:
        return http.transport(link)
    return direct(link, _chosen[-1])


def direct(link: Link, read: HeadReader | None) -> Direct:
    """Return what reads all answers by one reader; None for `http.client` alone."""
    return Direct(link, read, lambda: read)
