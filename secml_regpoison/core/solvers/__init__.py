"""Ways to train and to differentiate, one algorithm a file."""
