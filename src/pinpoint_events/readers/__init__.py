"""Where records are read from: the counterpart of `senders`."""
