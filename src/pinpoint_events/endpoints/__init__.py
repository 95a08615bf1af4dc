"""What is known of endpoints: how updates merge, and which rules follow."""
