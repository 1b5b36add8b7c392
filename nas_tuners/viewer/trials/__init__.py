"""The trials of a study or an experiment, as the page shows them."""
