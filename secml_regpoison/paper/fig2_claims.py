"""What is to be seen in Figure 2, and whether it is.

The bounds are this project's: the paper gives curves, no numbers.
"""
from secml_regpoison.experiment.tables import as_text

# Least ratio of the test errors at the strongest attack, small lambda over
# learned lambda.
RATIOS = {('MNIST 0 v 8', 'implicit'): 3., ('MNIST 0 v 8', 'rmd'): 2.,
          ('Fashion-MNIST T-shirt v pullover', 'implicit'): 1.8,
          ('Fashion-MNIST T-shirt v pullover', 'rmd'): 1.2}
LARGE_IS_FLAT = ('MNIST 0 v 8',)


def claims(means, solver):
    """Text that says of each claim what was measured and if it holds.

    Parameters
    ----------
    means : dict
        By data set, policy and strength, see `attacks.mean_and_std`.
    solver : str

    """
    names = dict.fromkeys(data for data, _, _ in means)
    return as_text(
        ('claim', 'bound', 'measured', 'holds'),
        [(f'{name}: {claim}', bound, measured,
          {True: 'yes', False: 'NO'}.get(holds, holds))
         for name in names
         for claim, bound, measured, holds in _claims_of(
             _Curves(means, name), name, solver)])


class _Curves:
    """Means of one data set, in per cent where they are errors."""

    def __init__(self, means, name):
        self.means = {key[1:]: stats for key, stats in means.items()
                      if key[0] == name}
        self.strengths = sorted({n_points for _, n_points in self.means})

    def __call__(self, policy, column, strength):
        scale = 100 if column == 'test_error' else 1
        return scale * self.means[
            policy, self.strengths[strength]][column][0]

    def rise(self, policy):
        return (self(policy, 'test_error', -1)
                - self(policy, 'test_error', 0))

    def course(self, column):
        return [self('learned', column, k)
                for k in range(len(self.strengths))]


def _claims_of(curves, name, solver):
    """Claim, bound, measured value and verdict, of one data set.

    The verdict is True, False, or words.
    """
    last = (curves('small', 'test_error', -1),
            curves('learned', 'test_error', -1))
    ratio = last[0] / max(last[1], 1e-9)
    least = RATIOS.get((name, solver), 1.)
    yield ('error of small over learned, most poison', f'>= {least:g}',
           f'{ratio:.2f} ({last[0]:.2f} / {last[1]:.2f} %)', ratio >= least)
    gap = (curves('learned', 'test_error', 0)
           - curves('clean-cv', 'test_error', 0))
    yield ('clean error, learned less clean-cv', '<= 0.3 points',
           f'{gap:+.2f}', gap <= .3)
    if name in LARGE_IS_FLAT:
        share = curves.rise('large') / curves.rise('small')
        yield ('rise of the error, large over small', '<= 0.5',
               f'{share:.2f}', share <= .5)
        cost = (curves('large', 'test_error', 0)
                - curves('learned', 'test_error', 0))
        yield ('clean error, large less learned', '>= 0.5 points',
               f'{cost:+.2f}', cost >= .5)
    for column, text, sign in (('lmbda', 'lambda learned rises', 1),
                               ('w_norm_squared', '||w||^2 falls', -1)):
        course = curves.course(column)
        yield (f'{text} with the poison', 'each step',
               ' '.join(f'{value:.3g}' for value in course),
               _monotone([sign * value for value in course]))


def _monotone(values):
    """True, False, or in words that only the ends compare so."""
    if all(a < b for a, b in zip(values, values[1:])):
        return True
    return 'ends only' if values[0] < values[-1] else False
