"""What every room may import; imports nothing of ours."""
