"""The poisoning attack, as one of secml's."""
