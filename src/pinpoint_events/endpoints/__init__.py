"""How updates of endpoints merge, and what an update changes in other endpoints."""
