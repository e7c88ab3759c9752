"""How the defender chooses lambda.

A name: 'clean-cv', 5-fold cross-validation on the clean training rows and
then fixed, as in Xiao et al. (2015); 'learned', re-learned on the validation
set at each strength of the attack. A number: lambda fixed at it, a natural
log with C = exp(-lambda).
"""
import numpy as np

POLICIES = ('clean-cv', 'learned')


def policy_name(policy):
    """Text of a policy, as the user writes it."""
    return policy if isinstance(policy, str) else f'{policy:.12g}'


def describe_policy(name):
    """How lambda is chosen, in words."""
    return {'clean-cv': 'fixed by clean cross-validation',
            'learned': 'learned'}.get(name, f'fixed at {name}')


def clean_cv_lmbda(train, lmbda_bounds, seed):
    """Lambda of the smallest 5-fold cross-validated loss on clean rows.

    The grid has steps of 0.5 (or a little less, to end at the bound). The
    loss is the natural log one, the classifier that of secml's
    `CClassifierLogistic`: liblinear, which penalises the bias.

    Parameters
    ----------
    train : CDataset
        At least five rows of each class.
    lmbda_bounds : pair of float
    seed : int
        For the folds.

    Returns
    -------
    float

    """
    # takes a second, which `--help` does not need
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    lower, upper = lmbda_bounds
    grid = np.linspace(lower, upper, 1 + int(np.ceil(2 * (upper - lower))))
    search = GridSearchCV(
        # the solver draws nothing, but a seed would be drawn for it
        LogisticRegression(solver='liblinear', random_state=0),
        {'C': np.exp(-grid)},
        scoring='neg_log_loss', refit=False,
        cv=StratifiedKFold(5, shuffle=True, random_state=seed))
    search.fit(train.X.tondarray(), train.Y.tondarray())
    return float(grid[search.best_index_])
