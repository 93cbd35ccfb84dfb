"""Launch: an app that is observed without a line of code."""
