"""The picture of a poisoning curve, in the manner of scikit-learn."""
import numpy as np

from secml_regpoison.core.verdicts import is_of_no_use
from secml_regpoison.figure.curves import RINGS, draw_majority, draw_rings
from secml_regpoison.figure.style import (
    POLICY_STYLES, SHARE, legend_below, policy_label, policy_styles)
from secml_regpoison.validation import check, check_numeric, check_type
from .poisoning_curve import poisoning_curve


class PoisoningCurveDisplay:
    """Test error against the share of poison, a curve for each policy.

    Parameters
    ----------
    fractions : ndarray, shape (n_strengths,)
        Shares of poison.
    policies : list of str
        Ways to choose lambda, or lambdas.
    test_error : ndarray, shape (n_policies, n_strengths, n_repetitions)
        These three as `poisoning_curve` returns them.
    majority_error : ndarray, shape (n_repetitions,), optional
        Test error of always predicting the more frequent class, a dashed line.
    gave_up, lmbda_at_bound : ndarray of bool, optional
        Of the shape of `test_error`. A red circle is around the means where
        the classifier has given up in a repetition, a red square where lambda
        is at a bound. For `from_estimator` it has given up if it gives all
        test points one class, or if its loss is no better than that of a
        constant answer and its error not clearly better.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D
        Mean over the repetitions, a line for each policy.
    fill_between_ : list of matplotlib PolyCollection
        From the least to the greatest, where there are several repetitions.
    majority_line_ : matplotlib Line2D or None
    curve_ : Bunch
        What `poisoning_curve` returned, after `from_estimator`.

    Raises
    ------
    TypeError, ValueError
        Values that are not numbers, a `test_error` of another shape, or an
        unknown policy.

    """

    def __init__(self, *, fractions, policies, test_error,
                 majority_error=None, gave_up=None, lmbda_at_bound=None):
        self.fractions = np.asarray(fractions)
        self.policies = policies
        self.test_error = np.asarray(test_error)
        self.majority_error = majority_error
        self.gave_up, self.lmbda_at_bound = gave_up, lmbda_at_bound
        for name in ('fractions', 'test_error'):
            check_numeric(name, getattr(self, name))
        if majority_error is not None:
            check_numeric('majority_error', np.asarray(majority_error))
        check('policies', policies, np.ndim(policies) == 1, 'a list')
        shape = len(self.policies), *self.fractions.shape
        if self.test_error.ndim != 3 or self.test_error.shape[:-1] != shape:
            raise ValueError(
                '`test_error` must have the shape (n_policies, n_strengths, '
                f'n_repetitions), {shape} and a third, got '
                f'{self.test_error.shape}.')
        for name in RINGS:
            if getattr(self, name) is not None:
                self._check_like_errors(name, np.asarray(getattr(self, name)))
        try:
            policy_styles(policies)
        except (TypeError, ValueError):
            raise ValueError(
                f'`policies` must be among {tuple(POLICY_STYLES)} or numbers, '
                f'got {policies!r}.') from None

    def _check_like_errors(self, name, given):
        check_numeric(name, given)
        if given.shape != self.test_error.shape:
            raise ValueError(
                f'`{name}` must have the shape of `test_error`, '
                f'{self.test_error.shape}, got {given.shape}.')

    @classmethod
    def from_estimator(cls, estimator, X, y, *, ax=None, **params):
        """Compute the curve of an estimator, and draw it.

        Parameters
        ----------
        estimator : LogisticRegression, LinearSVC, RidgeClassifier or Pipeline
            See `poisoning_curve`.
        X : array-like or data frame, shape (n, d)
            Rows.
        y : array-like, shape (n,)
            Their labels.
        ax : matplotlib Axes or None, optional
            Where to draw. Default: new axes.
        **params
            Other parameters of `poisoning_curve`.

        Returns
        -------
        PoisoningCurveDisplay
            With what was drawn.
        """
        curve = poisoning_curve(estimator, X, y, **params)
        display = cls(fractions=curve.fractions, policies=curve.policies,
                      test_error=curve.test_error,
                      majority_error=curve.majority_error,
                      gave_up=is_of_no_use({**curve, 'n_test': np.array(
                          [len(rows) for rows in curve.test_rows])}),
                      lmbda_at_bound=curve.lmbda_at_bound)
        display.curve_ = curve
        return display.plot(ax)

    def plot(self, ax=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes or None, optional
            Where to draw. Default: new axes.

        Returns
        -------
        PoisoningCurveDisplay
            Itself.
        """
        from matplotlib.axes import Axes
        if ax is None:
            import matplotlib.pyplot as plt
            _, ax = plt.subplots()
        check_type('ax', ax, Axes, 'matplotlib Axes or None')
        x, errors = 100 * self.fractions, 100 * self.test_error
        self.ax_, self.figure_ = ax, ax.figure
        self.lines_, self.fill_between_ = [], []
        styles = policy_styles(self.policies)
        for policy, error in zip(self.policies, errors):
            line, = ax.plot(x, error.mean(axis=1), label=policy_label(policy),
                            **styles[policy])
            self.lines_.append(line)
            if error.shape[1] > 1:
                self.fill_between_.append(ax.fill_between(
                    x, error.min(axis=1), error.max(axis=1), alpha=.2,
                    color=line.get_color(), linewidth=0))
        for name in RINGS:
            if getattr(self, name) is not None:
                draw_rings(ax, name, self.lines_,
                           np.any(getattr(self, name), axis=2),
                           ' in a repetition' * (errors.shape[2] > 1))
        self.majority_line_ = None
        if self.majority_error is not None:
            self.majority_line_ = draw_majority(ax, self.majority_error)
        ax.set(xlabel=SHARE, ylabel='Test error (%)')
        if ax.get_yscale() == 'linear':
            ax.set_ylim(bottom=0)
        width = ax.get_position().width * ax.figure.get_figwidth()
        legend_below(ax, ax.get_legend_handles_labels()[0],
                     ncol=2 if width > 4 else 1)
        return self
