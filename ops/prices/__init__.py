"""What AWS asks for things: its own price list where it answers, what it said before, or a dated table."""
