"""Reading what a search has recorded, ours and NNI's: nothing in a file is believed."""
