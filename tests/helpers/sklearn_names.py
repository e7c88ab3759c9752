"""Arguments of scikit-learn whose names differ between versions."""
import inspect

from sklearn.linear_model import LogisticRegression

# How scikit-learn spells its L1 penalty, from 1.8 on and before.
SKLEARN_L1 = {'l1_ratio': 1.} if inspect.signature(
    LogisticRegression).parameters['penalty'].default == 'deprecated' else {
        'penalty': 'l1'}
