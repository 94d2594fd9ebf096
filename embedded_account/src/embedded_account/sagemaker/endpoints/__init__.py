"""Endpoints: configured, brought up, updated, scaled, watched and invoked."""
