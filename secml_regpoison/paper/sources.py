"""Data of the pairs of classes in `config.PAIRS`."""
from functools import lru_cache

from sklearn.datasets import load_breast_cancer

from secml_regpoison.data.sources import Source, load_data
from secml_regpoison.data.splits import split_data
from .config import PAIRS


@lru_cache(maxsize=1)
def load_pair(data):
    """The `Source` of a pair; the last one is kept for the next cell.

    `Pair.source` is a name that `load_data` knows, or 'breast-cancer'
    (scikit-learn's, 0 malignant and 1 benign).
    """
    pair = PAIRS[data]
    if pair.source == 'breast-cancer':
        x, y = load_breast_cancer(return_X_y=True)
        return Source({'pool': (x, y)}, {'y_original': (0, 1)})
    return load_data(pair.source, pair.classes)


def pair_title(data):
    """Name of a pair in tables and pictures; says if it is a stand-in."""
    return load_pair(data).title(PAIRS[data].name)


def check_title(data, title):
    """Raise RuntimeError if the data here is not that of the figure."""
    if pair_title(data) != title:
        raise RuntimeError(
            f'All machines must have the same data, got {pair_title(data)} '
            f'on one of them and {title} on another.')


def load_split(data, plan, repetition):
    """The `Split` of one repetition."""
    return split_data(load_pair(data), plan.n_train, plan.n_val,
                      plan.seed + repetition)
