"""The gate's rules on a model that is to go into production: pure, from an evaluation to reasons and evidence."""
