"""Figure 2: test error, lambda and ||w|| against the poisoning fraction.

For each data set the mean and the standard deviation over random splits, for
a small lambda, a large one, one by cross-validation on clean data (Xiao et
al. 2015) and the learned one. See `config.FIGURE_2`.

The table says of each claim of the figure what was measured, and whether it
holds. The bounds are this project's: the paper gives curves, no numbers.
"""
from matplotlib.figure import Figure

from secml_regpoison.experiment.statistics import (
    above_zero, cost, curve, distinct, draw_curves,
    mean_and_std, mean_rows, tables_of)
from secml_regpoison.experiment.tables import as_text, of_splits
from secml_regpoison.figure.curves import mark_strengths
from secml_regpoison.figure.style import POLICY_STYLES, SHARE
from .attacks import all_records, attack_cells

MEASURES = (('test error %', 'test_error', 2, 100, None),
            ('lambda', 'lmbda', 2, 1, ('clean-cv', 'learned')),
            ('||w||^2', 'w_norm_squared', 3, 1, ('small', 'learned')))
NORM_STYLE = dict(color='#7A3E9D', marker='D', linestyle='--')
# Smallest ratio of the test errors at the strongest attack, small lambda over
# learned lambda.
RATIOS = {('MNIST 0 v 8', 'implicit'): 3., ('MNIST 0 v 8', 'rmd'): 2.,
          ('Fashion-MNIST T-shirt v pullover', 'implicit'): 1.8,
          ('Fashion-MNIST T-shirt v pullover', 'rmd'): 1.2}
LARGE_IS_FLAT = ('MNIST 0 v 8',)


def make(settings, compute, solver):
    """Make the figure, see `paper`.

    fig2_SOLVER.csv has a line for each data set, policy, split and strength,
    fig2_SOLVER_means.csv one for each data set, policy and strength.
    """
    records = all_records(attack_cells(settings, solver), compute)
    means = mean_and_std(records)
    return ({'': records, '_means': mean_rows(means)},
            _draw(means, settings.n_splits, solver),
            (tables_of(means, MEASURES), claims(means, solver),
             cost(records)))


def _draw(means, n_splits, solver):
    """The picture: errors above, lambda and ||w||^2 below."""
    names = distinct(means, 0)
    fig = Figure(figsize=(1.2 + 4.2 * len(names), 7.6), layout='constrained')
    axes = fig.subplots(2, len(names), squeeze=False, sharex='col')
    letters = iter('abcdefghijklmnop')
    for ax, name in zip(axes[0], names):
        ax.set_title(f'({next(letters)}) {name}', fontsize=11)
        draw_curves(ax, means, name, 'test_error', 100)
        ax.set_ylim(bottom=0)
    for ax, name in zip(axes[1], names):
        ax.set_title(f'({next(letters)})', fontsize=11)
        lines = _draw_learned(ax, means, name)
    axes[0, 0].set_ylabel('Test error (%)')
    # one legend above and one below, where they hide nothing
    fig.legend(*axes[0, 0].get_legend_handles_labels(), frameon=False,
               loc='outside upper center', ncol=2 * len(names),
               title=f'Poison by {solver}; {of_splits(n_splits)}')
    fig.legend(lines, [line.get_label() for line in lines], frameon=False,
               loc='outside lower center', ncol=2)
    return fig


def _draw_learned(ax, means, name):
    """Learned lambda on the left axis, ||w||^2 on the right one."""
    right = ax.twinx()
    lines = []
    for axis, column, label, style in (
            (ax, 'lmbda', r'learned $\lambda$ (natural log)',
             POLICY_STYLES['learned']),
            (right, 'w_norm_squared', r'$\|w\|_2^2$ (log scale)',
             NORM_STYLE)):
        x, y, error = curve(means, name, 'learned', column)
        if axis is right:  # a bar that reaches 0 goes to the lower end
            error = above_zero(y, error)
            right.set_yscale('log')
        lines.append(axis.errorbar(x, y, error, capsize=3, label=label,
                                   linewidth=1.6, elinewidth=.8, **style))
        axis.set_ylabel(label, color=style['color'])
        axis.tick_params(axis='y', colors=style['color'])
    right.set_ylim(bottom=min(y) / 2)
    # from 80 to 0.5: small changes are visible, too
    right.minorticks_off()
    right.yaxis.set_major_formatter('{x:g}')
    ax.set_xlabel(SHARE)
    mark_strengths(ax, x)
    ax.grid(alpha=.3)
    return lines


def claims(means, solver):
    """Text that says of each claim what was measured and if it holds.

    Parameters
    ----------
    means : dict
        By data set, policy and strength, see `mean_and_std`.
    solver : str

    """
    return as_text(
        ('claim', 'bound', 'measured', 'holds'),
        [(f'{name}: {claim}', bound, measured,
          {True: 'yes', False: 'NO'}.get(holds, holds))
         for name in distinct(means, 0)
         for claim, bound, measured, holds in (
             *_claims_of_errors(means, name, solver),
             *_claims_of_learned(means, name))])


def _claims_of_errors(means, name, solver):
    """Claim, bound, measured value and verdict, of one data set."""
    clean, last = ({
        policy: curve(means, name, policy, 'test_error', 100)[1][k]
        for policy in distinct(means, 1)} for k in (0, -1))
    ratio = last['small'] / max(last['learned'], 1e-9)
    bound = RATIOS.get((name, solver), 1.)
    yield ('error of small over learned, most poison', f'>= {bound:g}',
           f"{ratio:.2f} ({last['small']:.2f} / {last['learned']:.2f} %)",
           ratio >= bound)
    gap = clean['learned'] - clean['clean-cv']
    yield ('clean error, learned less clean-cv', '<= 0.3 points',
           f'{gap:+.2f}', gap <= .3)
    if name in LARGE_IS_FLAT:
        share = ((last['large'] - clean['large'])
                 / (last['small'] - clean['small']))
        yield ('rise of the error, large over small', '<= 0.5',
               f'{share:.2f}', share <= .5)
        loss = clean['large'] - clean['learned']
        yield ('clean error, large less learned', '>= 0.5 points',
               f'{loss:+.2f}', loss >= .5)


def _claims_of_learned(means, name):
    """The same of the learned lambda: True, False or words as the verdict."""
    for column, text, sign in (('lmbda', 'lambda learned rises', 1),
                               ('w_norm_squared', '||w||^2 falls', -1)):
        _, values, _ = curve(means, name, 'learned', column)
        steps = [sign * (b - a) for a, b in zip(values, values[1:])]
        holds = all(step > 0 for step in steps)
        if not holds and sign * (values[-1] - values[0]) > 0:
            holds = 'ends only'
        yield (f'{text} with the poison', 'each step',
               ' '.join(f'{value:.3g}' for value in values), holds)
