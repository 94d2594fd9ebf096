"""One small Lambda handler per state of the state machine, the prediction handler, and the two that start and resume executions."""
