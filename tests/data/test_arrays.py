"""Features and labels of users of scikit-learn, where they make no rows."""
import numpy as np
import pytest

from refusals import raises

from secml_regpoison.data.arrays import read_arrays

X = np.arange(12.).reshape(6, 2)
Y = [0, 1] * 3


@pytest.mark.parametrize('y, kind', [
    ([None] * 6, 'NoneType'), ([{}] * 6, 'dict'), ([object()] * 6, 'object')])
def test_labels_that_cannot_be_sorted(y, kind):
    for like in None, read_arrays(X, Y):
        with raises(TypeError, f'`y_test` must be labels that can be sorted, '
                    f'as numbers and text, got {kind} alone: write'):
            read_arrays(X, y, ('X_test', 'y_test'), like)


def test_rows_of_several_lengths():
    with raises(ValueError, '`X` must be an array, got rows that make none: '):
        read_arrays([[1, 2], [3]], Y)
    with raises(ValueError, '`y` must be an array, got rows that make none: '):
        read_arrays(X, [[0], [1, 2]] * 3)


def test_labels_of_any_type_that_can_be_sorted():
    for labels in ('no', 'yes'), (-1., 1.), (b'a', b'b'), (False, True):
        assert read_arrays(X, list(labels) * 3).classes.tolist() == [*labels]
