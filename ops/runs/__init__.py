"""Executions as a person follows them: status, logs, reports."""
