"""Tuners and what people would take instead, on published tables. Figures: README.md."""
