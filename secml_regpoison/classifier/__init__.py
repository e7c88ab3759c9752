"""The attack's own linear classifiers, as secml's."""
