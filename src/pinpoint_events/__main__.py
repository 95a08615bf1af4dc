"""`python -m pinpoint_events` is the command `pinpoint-events`."""

import sys

from pinpoint_events.cli import main

if __name__ == "__main__":
    sys.exit(main())
