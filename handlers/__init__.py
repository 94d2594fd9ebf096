"""One small Lambda handler per state, the prediction handler, and the two that start and resume executions."""
