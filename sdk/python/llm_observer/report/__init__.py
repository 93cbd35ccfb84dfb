"""Reports: numbers of a session, shown to a person."""
