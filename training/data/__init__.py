"""Splits of decoded images: read, checked, varied, balanced and put into batches."""
