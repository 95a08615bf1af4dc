"""Real boto3 clients, quickly made."""

from typing import Any

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config

LOADER = botocore.loaders.create_loader()  # keeps what it has read


def client(url: str, service: str = "pinpoint", **config: Any) -> Any:
    """Return a client that sends to the URL, each request once."""
    session = botocore.session.Session()
    session.register_component("data_loader", LOADER)
    options = {"retries": {"total_max_attempts": 1}, **config}
    return boto3.Session(botocore_session=session, region_name="x-1").client(
        service, endpoint_url=url, config=Config(**options)
    )
