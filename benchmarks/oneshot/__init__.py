"""What one-shot training costs, against the same computation without this package."""
