"""What keeps events until an endpoint has taken them: the spool, the sender, and what goes between."""
