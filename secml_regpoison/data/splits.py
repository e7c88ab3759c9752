"""Random training, validation and test rows."""
from dataclasses import dataclass, field

import numpy as np

from secml_regpoison.folds import N_FOLDS


@dataclass(frozen=True)
class Split:
    """Training, validation and test rows, and the box of the poison.

    Attributes
    ----------
    train, val, test : CDataset
    lb, ub : float or CArray
        Lower and upper bound of the poison, for all features or for each.
        All in units of the data.
    integers : tuple of int
        Features that hold whole numbers in the file.
    groups : tuple of tuple of int
        Features that are the 0/1 columns of one column of text.
    feasible : CFeasibleSphereSlab or None
        What else holds the poison, see `.CAttackPoisoningMinimax`.
    rows : dict of str to ndarray
        Of 'train', 'val' and 'test', the rows of their part of the source.
    box : {'range', 'pixels', 'given'}
        What the box is: the range of the training rows, that of pixels, or
        what the user has given.
    attacker : CDataset or None
        Rows that an attacker has in the place of the validation rows, or
        one with an aim of its own in that of the test rows.

    """

    train: object
    val: object
    test: object
    lb: object
    ub: object
    integers: tuple = ()
    groups: tuple = ()
    rows: dict = field(default_factory=dict)
    feasible: object = None
    box: str = 'range'
    attacker: object = None


def split_sizes(source, n_train=None, n_val=None):
    """Number of training and of validation rows, the defaults of `split_data`
    filled in."""
    n_rows = len(source.parts['pool'][1])
    has_test = 'test' in source.parts
    if 'val' in source.parts:
        default = n_rows if has_test else n_rows // 2
        default_val = len(source.parts['val'][1])
    else:
        shares = 4 if has_test else 7
        default, default_val = 3 * n_rows // shares, n_rows // shares
        default_val = min(171, default_val)
    k = len(source.header['y_original'])
    return (max(k, min(512, default)) if n_train is None else n_train,
            max(k, default_val) if n_val is None else n_val)


def has_one_split(source, n_train, n_val):
    """Whether each seed draws the same rows: all parts are given, and taken
    as they are."""
    return {'val', 'test'} <= set(source.parts) and all(
        n_rows == len(source.parts[part][1])
        for part, n_rows in (('pool', n_train), ('val', n_val)))


def split_data(source, n_train=None, n_val=None, seed=0):
    """Draw random training and validation rows, and the test rows.

    Images: the box is [0, 1], and each class has an equal share of the
    training and of the validation rows. Files: rows keep the class
    proportions of the file, but a rare class has a row in each part and, if
    it can, five training rows and five validation rows; the box is the range
    of the training rows. Features stay as they are: `Source.preprocess`
    belongs to the classifier.

    Parameters
    ----------
    source : Source
    n_train, n_val : int, optional
        Default: three training rows for one validation row, at most 512 and
        171 (the paper's); without test rows in `source` as many are left for
        them as for training. All validation rows that `source` has are taken.
    seed : int, optional

    Returns
    -------
    Split
        If `source` has no test rows, all remaining rows are the test rows.

    Raises
    ------
    ValueError
        If there are too few rows; says which sizes work.

    """
    drawn = draw_rows(source, n_train, n_val, seed)
    parts = [source.test if part == 'test' else source.dataset(part, chosen)
             for part, chosen in drawn.values()]
    rows = {name: chosen for name, (_, chosen) in drawn.items()}
    if source.is_image:
        return Split(*parts, 0., 1., rows=rows, box='pixels')
    encoding = source.file.encoding if source.file else None
    x = parts[0].X
    return Split(
        *parts, x.min(axis=0).ravel(), x.max(axis=0).ravel(),
        encoding.integers if encoding else (),
        encoding.groups if encoding else (), rows)


def draw_rows(source, n_train=None, n_val=None, seed=0):
    """Part of the source, and rows in it, of 'train', 'val' and 'test'.

    Parameters and errors are those of `split_data`.
    """
    n_train, n_val = split_sizes(source, n_train, n_val)
    y, classes = source.parts['pool'][1], source.header['y_original']
    others = [part for part in ('val', 'test') if part not in source.parts]
    rng = np.random.default_rng(seed)
    rows, drawn = rng.permutation(y.size), {}
    shares = _shares(y, len(classes), source.is_image)
    sizes = {'train': n_train, **({'val': n_val} if 'val' in others else {})}
    _check_sizes(source, 'pool', sizes, others)
    for i, (part, size) in enumerate(sizes.items()):
        left = len(others) - i  # parts that need rows after this one
        taken, rows = _draw(rows, y, size, shares, left,
                            0 if part == 'val' else sizes.get('val', 0))
        drawn[part] = 'pool', taken
    if 'val' in source.parts:
        drawn['val'] = 'val', _of_val(source, n_val, rng)
    drawn['test'] = ('pool', rows) if 'test' in others else (
        'test', np.arange(len(source.parts['test'][1])))
    return drawn


def _of_val(source, n_val, rng):
    """Rows of the validation part of the source, all or some of them."""
    y = source.parts['val'][1]
    if n_val == y.size:
        return np.arange(n_val)
    classes = source.header['y_original']
    _check_sizes(source, 'val', {'val': n_val}, [])
    return _draw(rng.permutation(y.size), y, n_val,
                 _shares(y, len(classes), False), 0)[0]


def _shares(y, n_classes, are_equal):
    """Share of each class among the rows to draw."""
    if are_equal:
        return np.full(n_classes, 1 / n_classes)
    return np.bincount(y, minlength=n_classes) / y.size


def _check_sizes(source, name, sizes, others):
    """Raise ValueError if the sizes cannot be drawn of the part `name` of the
    source; says which can.

    Each of the parts in `others` needs a row of each class.
    """
    y, classes = source.parts[name][1], source.header['y_original']
    k, left_out = len(classes), source.left_out(name)
    counts, n_parts = np.bincount(y, minlength=k), 1 + len(others)
    rarest = int(counts.argmin())
    if counts[rarest] < n_parts:
        raise ValueError(
            f'Class {classes[rarest]!r} must have at least {n_parts} rows, '
            f'one in each part, got {counts[rarest]}: bring more such rows, '
            'or choose other classes.' + source.advice(
                name, counts[rarest] + left_out[rarest] >= n_parts))
    # rows that are left for the test rows
    spare = ('test' in others) * 1
    most = k * (counts.min() - spare) if source.is_image \
        else y.size - k * spare
    asked = sum(sizes.values())
    if min(sizes.values()) < k or asked > most:
        names = ' and '.join(f'`{part}`' for part in sizes)
        got = ' and '.join(map(str, sizes.values()))
        each, together = (' each', ' together') if len(sizes) > 1 else ('', '')
        raise ValueError(
            f'{names} must be at least {k} rows{each} and at most {most}'
            f'{together}, got {got}: class {classes[0]!r} '
            f'has {counts[0]} rows' + ''.join(
                f', class {label!r} {count}'
                for label, count in zip(classes[1:], counts[1:]))
            + (', and a test row of each must be left' if spare else '')
            + f'. Sizes that work: {_sizes_that_work(most, sizes, k)}.'
            + source.advice(name, min(sizes.values()) >= k
                            and asked <= most + left_out.sum()))


def _sizes_that_work(most, sizes, k):
    """What to type, three training rows for one validation row, of k
    classes."""
    if len(sizes) == 1:
        part, = sizes
        return f'--{part} {max(k, 3 * most // 4)}'
    n_val = max(k, most // 4)
    return f'--train {most - n_val} --val {n_val}'


def _draw(rows, y, n_rows, shares, n_left, n_val=0):
    """First `n_rows` of `rows`, with these `shares` of the classes, and the
    others.

    A row of each class is left for each of `n_left` further parts. If there
    are so many, at least `N_FOLDS` rows of each class are drawn, and as many
    are left for the `n_val` validation rows that are drawn next.
    """
    k = len(shares)
    there = np.bincount(y[rows], minlength=k) - n_left
    least = np.minimum(there, min(N_FOLDS, n_rows // k))
    if n_val:  # one of its rows is in `n_left`
        there = np.maximum(least, there + 1 - min(N_FOLDS, n_val // k))
    sizes = (n_rows * shares).astype(int)
    sizes[0] = n_rows - sizes[1:].sum()
    sizes = sizes.clip(least, there)
    while sizes.sum() != n_rows:  # of the class that has most room
        up = n_rows > sizes.sum()
        room = there - sizes if up else sizes - least
        roomy = int(room.argmax())
        sizes[roomy] += np.clip(n_rows - sizes.sum(), -room[roomy],
                                room[roomy])
    drawn = np.zeros(rows.size, dtype=bool)
    for label, size in enumerate(sizes):
        drawn[np.flatnonzero(y[rows] == label)[:size]] = True
    return rows[drawn], rows[~drawn]
