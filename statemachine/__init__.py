"""The definition of the state machine, built in Python and committed as JSON."""
