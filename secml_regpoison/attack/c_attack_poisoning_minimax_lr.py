"""
.. module:: CAttackPoisoningMinimaxLR
   :synopsis: Minimax poisoning of logistic regression with a learned lambda

"""
import math

import numpy as np

from secml.adv.attacks.poisoning import CAttackPoisoning
from secml.array import CArray
from secml.data import CDatasetHeader
from secml.ml.classifiers import CClassifierLogistic

from secml_regpoison import validation as checks
from . import settings
from secml_regpoison.convert import to_float64
from .gradient_check import DiagnosisMixin
from .objective import ObjectiveMixin
from .batches import OptimisationMixin
from .poisoning_data import PoisoningData
from .retraining import RetrainingMixin

DEFAULT_SOLVER_PARAMS = {'n_inner': 150, 'eta': None, 'momentum': .9}


class CAttackPoisoningMinimaxLR(DiagnosisMixin, ObjectiveMixin,
                                OptimisationMixin, RetrainingMixin,
                                CAttackPoisoning):
    r"""Poisoning of logistic regression while the defender re-tunes lambda.

    Implements the attack of https://arxiv.org/abs/2105.10948:

     - J. Carnerero-Cano, L. Munoz-Gonzalez, P. Spencer, E. C. Lupu.
       Regularization Can Help Mitigate Poisoning Attacks... with the Right
       Hyperparameters. 2021.

    .. math::

        \min_\lambda \max_{D_p} A(D_{val}, w^*) \quad s.t. \quad
        w^* = \arg\min_w \frac{1}{n} \sum_i \log(1 + e^{-y_i(x_i w + b)})
              + \frac{e^\lambda}{2 n} ||w||^2

    A is the mean logistic loss on the validation set in natural log, without
    the penalty; n counts the poison; the bias is not penalised. lambda is a
    natural log, C = exp(-lambda). The classifier that is retrained at the end
    is the user's own. `CClassifierLogisticTorch` has this objective;
    `CClassifierLogistic` (liblinear) penalises the bias too: expect a small
    difference between its loss and `f_opt`.

    Parameters
    ----------
    classifier : CClassifierLogistic or CClassifierLogisticTorch
        Target classifier, never modified. lambda starts at -log(C).
    training_data, val : CDataset
        Training and validation set, two classes in each. Poisoning points
        start as validation points drawn without repetition, label flipped.
    distance : {'l1', 'l2'}, optional
        Norm of `dmax`. Default 'l2'.
    dmax : scalar or None, optional
        Largest distance of a poisoning point from its start, in units of the
        input. Default None, unbounded. (Stock attacks ignore theirs.)
    lb, ub : scalar, CArray, 'x0' or None, optional
        Box of the poisoning points, for all features or one a feature (d,);
        starts are clipped to it. 'x0' allows
        increments or decrements only, None is unbounded. The clean rows
        need not lie in it and are left as they are. Default 0, 1.
    y_target : int or None, optional
        Class that the attacker wants on all validation points; `f_opt` is
        then the loss against that class, and falls. None: any error.
    learn_lmbda : bool, optional
        False: the classifier's own C stays (Xiao et al. 2015). Default True.
    lmbda_bounds : (float, float), optional
        Interval of the learned lambda. Default (-8, 11.5).
    poison_mode : {'append', 'replace'}, optional
        Whether poison is added to the training data or takes the place of
        clean rows drawn at random (the paper's App. D). Default 'append'.
    batch_size : int, optional
        Points optimised together; earlier batches stay fixed. Default 17.
    solver_type : {'rmd', 'fmd', 'implicit'}, optional
        How the hypergradient is computed, see `.core.hypergradient`.
    solver_params : dict or None, optional
        Any of 'n_inner' (150), 'eta' (None: 1 / L), 'momentum' (0.9), 'form'
        ('auto'), 'inner_tol' and 'truncate', see `.core.inner.Inner`;
        'n_outer' (40), 'step' (None), 'tol' (1e-4) and 'patience' (5), see
        `.core.solve`.
    init_type : {'random'}, optional
    n_restarts : int, optional
        Each batch is optimised this many times more, from other starting
        points and another lambda, and the best for the attacker is kept.
        Default 0: the paper found restarts not crucial.
    device : str, optional
        'auto' (CUDA where there is one), 'cpu', 'cuda', ... The attack runs
        in float64.
    random_seed : int or None, optional
        Seed of the starting points and of the replaced rows. None: drawn
        once, when the attack is created.

    Attributes
    ----------
    class_type : 'p-minimax-lr'
    f_seq, lmbda_seq, x_seq : CArray
        Loss, lambda and points at each outer iterate of the last batch,
        shapes (n_iter,), (n_iter,) and (n_iter, p * d).
    adv_ds : CDataset
        Poison of the last `run`, or of what was done of it.

    Raises
    ------
    TypeError, ValueError
        Before any work, naming the parameter, the condition and the value.
    FloatingPointError
        From `run`, if training diverged; names the step size.

    """
    __class_type = 'p-minimax-lr'

    def __init__(self, classifier, training_data, val, distance='l2',
                 dmax=None, lb=0, ub=1, y_target=None, learn_lmbda=True,
                 lmbda_bounds=(-8, 11.5), poison_mode='append',
                 batch_size=17, solver_type='rmd', solver_params=None,
                 init_type='random', n_restarts=0, device='auto',
                 random_seed=0):
        settings.check_classifier(classifier)
        checks.check_dataset('training_data', training_data)
        checks.check_dataset('val', val, training_data)
        # a stand-in: the host refuses class types other than its own, and
        # takes nothing from the classifier but the name of its loss
        super().__init__(
            CClassifierLogistic(), training_data, val, distance=distance,
            dmax=dmax, lb=lb, ub=ub, y_target=y_target,
            solver_type=solver_type,
            solver_params=settings.as_solver_params(
                solver_params, DEFAULT_SOLVER_PARAMS),
            init_type=init_type, random_seed=random_seed)
        self._classifier = classifier
        del self.eta  # the host's second copy of solver_params['eta']
        self.learn_lmbda = learn_lmbda
        self.lmbda_bounds = lmbda_bounds
        self.poison_mode = poison_mode
        self.batch_size = batch_size
        self.n_restarts = n_restarts
        self.device = device
        # a seed of our own for random_seed=None: drawn once, so that a longer
        # run continues a shorter one
        self._entropy = np.random.SeedSequence().entropy
        self._lmbda = self._lmbda_seq = None
        self._n_trainings = self._n_evaluations = 0
        self._poison, self._seconds_from_checkpoint = None, 0.
        self._prepare()

    @property
    def n_points(self):
        """Number of poisoning points, the attack strength."""
        return self._n_points

    @n_points.setter
    def n_points(self, value):
        self._n_points = settings.as_n_points(value)

    @CAttackPoisoning.dmax.setter
    def dmax(self, value):
        self._dmax = settings.as_dmax(value)

    @CAttackPoisoning.solver_params.setter
    def solver_params(self, value):
        self._solver_params = settings.as_solver_params(
            value, DEFAULT_SOLVER_PARAMS)

    @property
    def lmbda(self):
        """lambda that the defender learned, or has; natural log."""
        if self._lmbda is None or not self.learn_lmbda:
            return self._start_lmbda()
        return self._lmbda

    @property
    def lmbda_seq(self):
        """lambda at each outer iterate of the last batch, (n_iter,)."""
        return self._lmbda_seq

    @property
    def f_eval(self):
        """Models trained in the last `run`."""
        return self._n_trainings

    @property
    def grad_eval(self):
        """Hypergradients, each of points and lambda, in the last `run`."""
        return self._n_evaluations

    def _start_lmbda(self):
        return -math.log(self.classifier.C) + 0.  # no -0.0

    def _prepare(self):
        """Raise on what cannot be attacked, then the data as tensors."""
        checks.check_dataset('training_data', self.training_data)
        checks.check_dataset('val', self.val, self.training_data)
        classes = checks.check_classes(self.training_data, self.val)
        settings.check_settings(self, classes)
        data = PoisoningData(self, self._entropy if self.random_seed is None
                             else self.random_seed)
        settings.check_n_points(self, data)
        return data

    def run(self, x, y, ds_init=None, max_iter=1, checkpoint=None):
        """Poison the training data with `n_points` points.

        Differs from the stock attacks:

        1. All points of a batch move together, and lambda with them.
        2. The points of `ds_init` are kept and held fixed, and lambda starts
           from ``ds_init.header.lmbda``: a security evaluation costs as much
           as its strongest attack. Where its header says that it was made for
           another `distance`, `dmax`, `lb`, `ub`, `y_target` or fixed C, it is
           as good as None: `CSecEval` over these makes each attack anew. Over
           `random_seed`, `n_restarts`, `batch_size`, `solver_type` and
           `poison_mode` it does not: a warning says so.
        3. At ``n_points = 0`` lambda is learned on clean data, and the poison
           returned has no rows but a header.
        4. The classifier is retrained with its preprocess, as `fit` does.
        5. Labels are the datasets' own, not only {0, 1}.

        Parameters
        ----------
        x : CArray, shape (k, d)
            Test points on which the poisoned classifier is evaluated.
        y : CArray, shape (k,)
            Their labels; logged accuracy only.
        ds_init : CDataset or None, optional
            Poison to continue from, shorter or longer than `n_points`.
        max_iter : int, optional
            Only 1: earlier batches stay fixed. How long a batch is optimised
            is ``solver_params['n_outer']``.
        checkpoint : str, path-like or None, optional
            File that keeps each batch as soon as it is done; made if missing.
            After a kill, Ctrl-C or an error the same call, with a
            `random_seed` that is set, goes on from there: points, lambda and
            predictions are bit for bit those of a run that was left alone.
            A longer run, or a `CSecEval` with
            ``run_sec_eval(ts, checkpoint=PATH)``, uses one file throughout.
            The file holds data only, no pickle. Of the path `x_seq` it keeps
            that of the newest batch; of others, read again, the start.

        Returns
        -------
        y_pred : CArray, shape (k,)
            Labels given by a copy of the classifier retrained on
            `poisoned_data` at C = exp(-lmbda).
        scores : CArray, shape (k, 2)
        adv_ds : CDataset
            The poison. Its header has `lmbda`, `w_norm` (norm of the
            retrained weights, in the classifier's feature space), `starts`
            (the validation rows where the points started), `problem_id` and
            `search_settings` (settings that it was made for and with, see 2).
        f_opt : float
            Attacker's loss, see `objective_function`.

        Raises
        ------
        TypeError, ValueError
            Before any work; also where the checkpoint is damaged, or of
            another problem.
        OSError
            The checkpoint cannot be written, or another process writes to it.
            The attack keeps in `adv_ds` what it has found.
        KeyboardInterrupt
            Ctrl-C; the same, with the best points of the batch at hand.

        """
        data = self._prepare()
        checks.check_test_data(x, y, self.training_data)
        checks.check('max_iter', max_iter,
                     np.isscalar(max_iter) and max_iter == 1, '1')
        poison, is_new = self._continue_from(ds_init, data)
        n_fixed, n_points = len(poison.x), self.n_points or 0
        stops = [min(k + self.batch_size, n_points)
                 for k in range(n_fixed, n_points, self.batch_size)]
        if not stops or (is_new and self.learn_lmbda):
            stops.insert(0, n_fixed)  # lambda alone
        with self._ctrl_c_explained(stops[-1], checkpoint):
            self._add_batches(data, poison, stops, checkpoint)
            clf = self._retrained(data)
            idx, scores = clf.predict(
                to_float64(x), return_decision_function=True)
        y_pred = data.classes[idx]
        self.logger.info(
            f'{n_points} points: lmbda {self._lmbda:.3f}, loss '
            f'{self._f_opt:.4f}, test accuracy '
            f'{(y_pred == CArray(y).ravel()).mean():.4f}')
        self.adv_ds.header = CDatasetHeader(
            w_norm=float(clf.w.norm()), **self.adv_ds.header.get_params())
        return y_pred, scores, self.adv_ds.deepcopy(), self._f_opt

    def _continue_from(self, ds_init, data):
        """Fixed points and lambda to start a run from, and whether they are
        new: not what is left of `ds_init`."""
        lmbda, header = self._start_lmbda(), getattr(ds_init, 'header', None)
        problem_id = settings.problem_id(self)
        other = getattr(header, 'problem_id', problem_id) != problem_id
        if other:
            self.logger.info('ds_init was made for other settings: its points '
                             'are not kept')
        if ds_init is None or other:
            return data.poison(lmbda), True
        checks.check_poison('ds_init', ds_init, self)
        if self.learn_lmbda and hasattr(header, 'lmbda'):
            lmbda = header.lmbda
            checks.check_number('ds_init.header.lmbda', lmbda, math.isfinite,
                                'a finite number')
        poison = data.poison(lmbda, ds_init)
        if 0 < (self.n_points or 0) <= len(poison.x):
            settings.warn_if_made_otherwise(header, self)
        kept = slice(0, self.n_points or 0)
        return poison._replace(x=poison.x[kept], y=poison.y[kept],
                               starts=poison.starts[kept]), False
