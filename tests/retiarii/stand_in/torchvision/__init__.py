"""As much of torchvision as a tutorial uses, on a few real digits."""
