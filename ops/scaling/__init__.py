"""What one instance can take, and what each way of scaling makes of a traffic: measured, simulated, recommended."""
