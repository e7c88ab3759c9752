"""Warnings that are ignored for a while, in one thread beside others."""
import threading
import warnings

import joblib
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from secml_regpoison import poisoning_curve
from secml_regpoison.quiet import ignoring


def heard(text, category=RuntimeWarning):
    """Whether a warning is shown."""
    with warnings.catch_warnings(record=True) as said:
        warnings.warn(text, category)
    return bool(said)


def test_one_message_of_one_category_is_ignored():
    before = list(warnings.filters)
    with ignoring('the loss by '):
        assert not heard('the loss by rmd is 1')
        assert heard('12 results') and heard('the loss by', UserWarning)
        with ignoring('the loss by '):
            pass
        assert not heard('the loss by rmd is 1')
    assert heard('the loss by rmd is 1')
    assert warnings.filters == before


def test_a_filter_of_the_user_stays():
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', 'the loss by ', RuntimeWarning)
        before = list(warnings.filters)
        with ignoring('the loss by '):
            pass
        assert warnings.filters == before


@pytest.mark.parametrize('other', [
    lambda: ignoring('the loss by '), warnings.catch_warnings])
def test_blocks_that_overlap_leave_no_filter(other):
    """The first to begin is the first to end."""
    before = list(warnings.filters)
    first, second = ignoring('the loss by '), other()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert heard('12 results')
    second.__exit__(None, None, None)
    assert heard('the loss by rmd is 1')
    assert warnings.filters == before


ROWS = load_breast_cancer(return_X_y=True)
ESTIMATOR = make_pipeline(StandardScaler(), LogisticRegression())


def curve(**params):
    x, y = (part[::4] for part in ROWS)
    return poisoning_curve(ESTIMATOR, x[:, :5], y, fractions=(0, .1),
                           policies=('clean-cv', 'learned', 4.), **params)


def test_threads_of_joblib_lose_no_verdict():
    before = list(warnings.filters)
    with joblib.parallel_config('threading'), pytest.warns(
            RuntimeWarning, match='12 results, read with care'):
        curve(n_repetitions=2, n_jobs=3)
    assert warnings.filters == before


def test_threads_of_the_user_lose_no_verdict():
    before, said = list(warnings.filters), []
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        threads = [threading.Thread(target=curve, kwargs={'random_state': r})
                   for r in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len([each for each in said if str(each.message).startswith(
        '6 results, read with care')]) == 3
    assert warnings.filters == before
