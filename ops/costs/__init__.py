"""What a stack has cost: its runs by their records, the rest by what CloudWatch counted, and what AWS has billed."""
