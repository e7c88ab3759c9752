"""
.. module:: CClassifierGradientTorchMixin
   :synopsis: Training objective of a linear classifier and its derivatives

"""
from secml.array import CArray
from secml.ml.classifiers.gradients import CClassifierGradientLinearMixin

from secml_regpoison.validation import check, resolve_device
from secml_regpoison.convert import signs, to_carray, to_tensor
from secml_regpoison.core.coordinates import signed_rows


class CClassifierGradientTorchMixin(CClassifierGradientLinearMixin):
    r"""Training objective of a `.CClassifierLinearTorch` of two classes, and
    its derivatives.

    .. math::

        L(w, b) = \frac{1}{n} \sum_i l(-y_i(x_i w + b))
                  + \frac{e^\lambda}{2 n} (\|w\|^2 + \beta b^2)

    with the classifier's loss l and share beta of the bias, at the trained
    (w, b) and the classifier's current lambda, on any samples:
    n is their number, and labels are the classifier's own. The penalty is the
    classifier's; where a weight is zero, that of L1 counts as flat. The bias
    is the last row of every derivative. secml's objective,
    ``C sum_i loss_i + ||w||^2 / 2``, is ``C n`` times this one, and so are its
    derivatives. Computed in float64 on the device of the classifier.

    The derivatives of the decision function, `grad_f_params` and `grad_f_x`,
    are secml's.

    """

    @property
    def loss(self):
        """The loss of a sample, a `CLoss`."""
        return self._loss

    def _check_samples(self, x, y):
        """Check for samples with the classifier's features and labels."""
        self._check_is_fitted()
        x, y = self._check_rows(x, y)
        check('x', x.shape, x.shape[1] == self.n_features,
              f'rows of {self.n_features} features')
        known, found = self.classes.tolist(), y.unique().tolist()
        check('y', found, set(found) <= set(known),
              f'labels among the classes {known}')
        return x, y

    def _rows(self, x, y):
        """Signed rows of preprocessed samples, (n, d + 1), and (w, b)."""
        x, y = self._check_samples(x, y)
        x = x if self.preprocess is None else self.preprocess.transform(x)
        device = resolve_device(self.device, x.size)
        u = to_tensor(self.w.append(CArray([self.b])), device)
        return signed_rows(to_tensor(x, device),
                           signs(y, self.classes, device)), u

    def _penalty(self, n):
        return self.core_penalty(self.lmbda, n, float(self.beta))

    def objective(self, x, y):
        """L on the samples `x` with labels `y`.

        Parameters
        ----------
        x : CArray, shape (n, d)
            Samples, before the preprocess.
        y : CArray, shape (n,)
            Their labels, of the classifier's two.

        Returns
        -------
        float

        Raises
        ------
        TypeError, ValueError
            If `x` is not finite or has other features than the classifier's,
            or a label is missing or unknown to the classifier.

        """
        rows, u = self._rows(x, y)
        return float(self.core_loss.value(rows @ u).mean()
                     + self._penalty(len(rows)).value(u[:-1], u[-1]))

    def hessian_tr_params(self, x, y):
        """Hessian of L with respect to ``(w, b)``, (d + 1, d + 1).

        ``sum_i s_i (x_i, 1) (x_i, 1)^T + exp(lmbda)/n diag(1, ..., 1, beta)``,
        ``s_i = l''(-y_i f_i) / n``; with L1 without the second term.
        Parameters and errors are those of `objective`.

        """
        rows, u = self._rows(x, y)
        s = self.core_loss.curvature(rows @ u) / len(rows)
        hess = (rows.T * s) @ rows
        curvature = self._penalty(len(rows)).curvature
        hess.diagonal()[:-1].add_(curvature)
        hess.diagonal()[-1].add_(curvature * self.beta)
        return to_carray(hess)

    def grad_loss_params(self, x, y, loss=None):
        """Derivative of the mean `loss` with respect to (w, b), (d + 1, n).

        Column i is the share of sample i, ``(1/n) dloss_i/df (x_i, 1)``: the
        columns add up to the derivative. `loss` None is the classifier's.
        The other parameters and the errors are those of `objective`.

        """
        x, y = self._check_samples(x, y)
        y = CArray(y == self.classes[1]).astype(int)
        return super().grad_loss_params(x, y, loss) / (self.C * y.size)

    def grad_tr_params(self, x, y):
        """Derivative of L with respect to ``(w, b)``, (d + 1, n).

        Column i is the share of sample i: the columns add up to the
        derivative. (secml adds the whole penalty to each column.) Parameters
        and errors are those of `objective`.

        """
        rows, u = self._rows(x, y)
        n = len(rows)
        grad = (rows * (self.core_loss.slope(rows @ u) / n)[:, None]).T
        grad_w, grad_b = self._penalty(n).gradient(u[:-1, None], u[-1])
        grad[:-1].add_(grad_w / n)
        grad[-1].add_(grad_b / n)
        return to_carray(grad)
