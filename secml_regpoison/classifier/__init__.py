"""The attack's own logistic regression, as one of secml's classifiers."""
