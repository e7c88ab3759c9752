"""The poisoning attacks, as secml's, and their certificates."""
