"""Any signed AWS call: settings, credentials, signatures and connections."""
