"""What every loop that trains shares, of a supernet or of one model: batches, losses, guard."""
