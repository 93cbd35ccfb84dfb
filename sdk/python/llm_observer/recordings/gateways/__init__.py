"""Logs and exports of gateways: what each one's records tell of calls."""
