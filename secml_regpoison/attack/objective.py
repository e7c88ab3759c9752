"""The attack's objective at single points, as secml's attacks offer it."""
import torch

from secml.array import CArray

from secml_regpoison.validation import check_finite, check_points
from secml_regpoison.convert import labels, signs, to_carray, to_tensor
from secml_regpoison.core import solve
from secml_regpoison.core.linear_model import LinearModel
from secml_regpoison.core.solvers import Training
from .poisoning_data import Poison


class ObjectiveMixin:
    """Maps, derivatives and moves of one poisoning point among the others.

    For secml's own idiom, ``fig.sp.plot_fun(attack.objective_function)``. The
    attributes `xc`, `yc` hold the points and labels, those of the last `run`
    or set by hand; nothing here changes them but `_run`.
    """

    def objective_function(self, xc, acc=False):
        """Attacker's loss with point `_idx` (or the first) of `xc` at `xc`.

        The other points are the attribute `xc`, with labels `yc`: those of
        the last `run`, or set by hand. lambda is the attribute `lmbda`, held
        constant.

        Parameters
        ----------
        xc : CArray, shape (d,)
            Where the point is, in units of the input.
        acc : bool
            True: share of validation points classified wrongly.

        Returns
        -------
        float
            ``(1/m) sum_j softplus(-y_j f(x_j))``, in natural log, with
            y_target in the place of y_j where it is set.

        """
        model, x_p = self._model_with_point(xc)
        losses = model.losses(model.train(x_p, self.lmbda))
        return losses.attacker_error if acc else losses.attacker

    def objective_function_gradient(self, xc, normalization=True):
        """Derivative of `objective_function` by `xc`.

        Parameters
        ----------
        xc : CArray, shape (d,)
            Where the point is, in units of the input.
        normalization : bool
            True: of unit norm, unless it is zero.

        Returns
        -------
        CArray, shape (d,)

        """
        model, x_p = self._model_with_point(xc)
        trained = model.train(x_p, self.lmbda)
        grad = model.hypergradient(trained).grad_x_p[self._idx or 0]
        norm = float(torch.linalg.vector_norm(grad))
        return to_carray(grad / norm if normalization and norm else grad)

    def learned_lmbda(self, xc):
        """lambda that the defender learns with the point at `xc`.

        The point is as for `objective_function`, and the others too. The
        defender minimises the validation loss on the true labels in
        `lmbda_bounds`, from the attribute `lmbda` on.

        Parameters
        ----------
        xc : CArray, shape (d,)
            Where the point is, in units of the input.

        Returns
        -------
        float
            Natural log, C = exp(-lmbda).

        """
        problem, x_p, y_p = self._with_point(xc)
        return solve(problem, x_p, y_p, self.lmbda, n_outer=0,
                     lmbda_bounds=self.lmbda_bounds, method=self.solver_type,
                     **{name: value for name, value in
                        self.solver_params.items() if name != 'n_outer'}).lmbda

    def _model_with_point(self, xc):
        problem, x_p, y_p = self._with_point(xc)
        return LinearModel(problem, y_p, self._training()), x_p

    def _with_point(self, xc):
        """Problem, points and labels with point `_idx` at `xc`."""
        data, problem, x_p, y_p = self._all_points()
        xc = CArray(xc).atleast_2d()
        if xc.shape != (1, x_p.shape[1]):
            raise TypeError(f'`xc` must be one point of {x_p.shape[1]} '
                            f'features, got shape {xc.shape}.')
        check_finite('xc', xc)
        x_p[self._idx or 0] = to_tensor(xc, data.device)[0]
        return problem, x_p, y_p

    def _all_points(self):
        """Data, problem, and the attributes `xc`, `yc` as moving points."""
        if self.xc is None or self.yc is None:
            raise ValueError(
                '`xc` and `yc` must be set, got None: call `run` first, or '
                'set attack.xc and attack.yc to poisoning points and labels.')
        data = self._prepare()
        x_p, y_p = self._points(data)
        return data, data.problem(len(x_p)), x_p, y_p

    def _points(self, data):
        """The attributes `xc` and `yc` as tensors of their own."""
        xc, yc = CArray(self.xc).atleast_2d(), CArray(self.yc).ravel()
        check_points('xc', xc, 'yc', yc, self.training_data)
        return (to_tensor(xc, data.device).clone(),
                signs(yc, data.classes, data.device))

    def _training(self):
        return Training(self.solver_type, **{
            name: value for name, value in self.solver_params.items()
            if name in Training.__dataclass_fields__})

    def _rnd_init_poisoning_points(self, n_points=None):
        """Starting points as `run` draws them, and their labels."""
        data = self._prepare()
        points = data.new_points(data.poison(self.lmbda), (
            self.n_points or 0) if n_points is None else n_points)
        x_p = points.x.clamp(*data.bounds(self.lb, self.ub, points.x))
        return (to_carray(x_p, self.training_data.issparse),
                labels(points.y, data.classes))

    def _gradient_fk_xc(self, xc, yc, clf, loss_grad, tr, k=None):
        raise NotImplementedError(
            'The derivative by all points is computed at once: see '
            '`objective_function_gradient`.')

    def _run(self, xc, yc, idx=0):
        """Optimise point `idx` of `xc`, the others held fixed."""
        data = self._prepare()
        self.xc, self.yc = CArray(xc).atleast_2d().deepcopy(), CArray(yc)
        x_p, y_p = self._points(data)
        moved = torch.arange(len(x_p)) == idx
        problem = data.problem(len(x_p), x_p[~moved], y_p[~moved])
        solution = self._solve(data, problem, Poison(
            x_p[moved], y_p[moved], (), self.lmbda), [])
        self._lmbda, self._f_opt = solution.lmbda, solution.value
        return to_carray(solution.x_p).ravel()
