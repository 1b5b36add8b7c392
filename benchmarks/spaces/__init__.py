"""What the spaces of the zoo hold, and what reading, drawing and building cost."""
