"""Header of the poison of a run."""
from secml.array import CArray
from secml.data import CDatasetHeader

from secml_regpoison.limits import MAX_LMBDA
from secml_regpoison.validation import check_number

# What `run` notes; joined points of several runs lack some of it.
FACTS = {'lmbda', 'starts', 'search_lmbda', 'problem_id', 'search_settings',
         'w_norm', 'verdicts', 'trust'}


class PoisonHeader(CDatasetHeader):
    """What `run` knows about its points.

    secml refuses to join headers with different values, as those of two runs
    are. Joined points are not the result of one run: attributes that differ
    are left out, and so are those of one side alone that hold a value a row,
    or are `FACTS` where both are points.
    """

    def append(self, header):
        """The header of these points, then other rows."""
        return _joined(self, header)

    def append_to(self, header):
        """The header of other rows, then these points, see `.compat`."""
        return _joined(header, self)


def _joined(first, second):
    """The `PoisonHeader` of both; arrays, one value a row, are joined."""
    values, others = first.get_params(), second.get_params()
    differ = {name for name in values.keys() & others.keys() if not isinstance(
        values[name], CArray) and values[name] != others[name]}
    one_sided = values.keys() ^ others.keys()
    differ |= {name for name in one_sided if isinstance(
        {**values, **others}[name], CArray)}
    if isinstance(first, PoisonHeader) and isinstance(second, PoisonHeader):
        differ |= FACTS & one_sided
    first, second = (CDatasetHeader(**{
        name: value for name, value in part.items() if name not in differ})
        for part in (values, others))
    return PoisonHeader(**first.append(second).get_params())


def without_arrays(header):
    """A header's values that are not one a row; None if it has none."""
    return None if header is None else CDatasetHeader(**{
        name: value for name, value in header.get_params().items()
        if not isinstance(value, CArray)})


def check_lmbda(dataset, name, lmbda):
    """lambda in the header of poison: a number that a classifier may have, of
    which C = 1e20 is the least."""
    check_number(f'{dataset}.header.{name}', lmbda,
                 lambda value: abs(value) <= MAX_LMBDA + .1,
                 f'a number between {-MAX_LMBDA:g} and {MAX_LMBDA:g}')
