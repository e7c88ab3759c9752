"""
.. module:: CAttackPoisoningMinimax
   :synopsis: Minimax poisoning of linear classifiers with a learned lambda

"""
import time

import numpy as np
import torch

from secml.adv.attacks.poisoning import CAttackPoisoning
from secml.array import CArray
from secml.data import CDataset
from secml.ml.classifiers import CClassifierLogistic

from secml_regpoison.convert import to_carray
from secml_regpoison.core.defender import LMBDA_BOUNDS
from secml_regpoison.validation import (
    check, check_dataset, check_run_arguments)
from . import (
    attacker, continuation, evaluation, gradient_check, objective, pipeline,
    poison_labels, retraining, settings)
from .batches import explain_ctrl_c, make_batches
from .box import warn_of_dmax
from .checkpoint import open_checkpoint
from .feasible import feasible_set
from .history import RunRecord
from .poison_header import PoisonHeader
from .poisoning_data import PreparedData
from .targets import check_classifier, target_of, warn_of_surrogate


class CAttackPoisoningMinimax(CAttackPoisoning):
    r"""Poisoning of a linear classifier while the defender re-tunes lambda.

    The base of the attacks on each kind of classifier; use one of them.

    Implements the attack of https://arxiv.org/abs/2105.10948:

     - J. Carnerero-Cano, L. Munoz-Gonzalez, P. Spencer, E. C. Lupu.
       Regularization Can Help Mitigate Poisoning Attacks... with the Right
       Hyperparameters. 2021.

    .. math::

        \min_\lambda \max_{D_p} A(D_{val}, w^*) \quad s.t. \quad
        w^* = \arg\min_w \frac{1}{n} \sum_i l(y_i(x_i w + b))
              + \frac{e^\lambda}{2 n} (\|w\|^2 + \beta b^2)

    A is the mean of the same loss l on the validation set, without the
    penalty; n counts the poison. lambda is a natural log. Loss, beta and the
    classifier's parameter that lambda stands for are those of its kind, see
    the subclasses. secml's normalizers as its preprocess are
    refitted on the poisoned rows; another preprocess is frozen as the clean
    rows fit it. Loss, lambda and predictions that `run` returns are of this
    classifier, trained to its end, whatever `solver_type`.

    Parameters
    ----------
    classifier : CClassifier
        Target classifier of a kind that the subclass names, or of a subclass
        of it; never modified. lambda starts at its own. Of a subclass that
        trains or scores otherwise the kind is the surrogate that the points
        are made against, which a warning says: lambda, loss and predictions
        of `run` are of its own fits.
    training_data, val : CDataset
        Training and validation set, with the same classes. Poisoning points
        start as validation points, label flipped; a row is drawn again only
        when all of its kind have been.
    distance : {'l1', 'l2'}, optional
        Norm of `dmax`. Default 'l2'.
    dmax : scalar or None, optional
        Largest distance of a poisoning point from its start, in units of the
        input. Default None, unbounded. (Stock attacks ignore theirs.)
    lb, ub : scalar, CArray, 'x0' or None, optional
        Box of the poisoning points, for all features or one a feature (d,).
        Starts are clipped to it; clean rows may lie outside. 'x0' allows
        increments or decrements only, None is unbounded. Default 0, 1.
    y_target : int or None, optional
        Class that the attacker wants on all its rows, those of `val` or of
        `attacker_set`; `f_opt` is then the loss against that class, and falls.
        None: any error.
    solver_type : {'rmd', 'fmd', 'implicit'}, optional
        How the hypergradient is computed, see `.core.hypergradient`. 'pgd-ls',
        secml's name for how the points move, means 'rmd'.
    solver_params : dict or None, optional
        How the classifier is trained, see `.core.solvers.Training`:
        'n_inner' (150), 'inner_eta' (None: 1 / L), 'momentum' (0.9), 'form'
        ('auto'), 'inner_tol' and 'truncate'. How the points move, see
        `.core.solve`: 'n_outer' (60), 'step' (None), 'tol' (1e-4) and
        'patience' (5). secml's own names mean what they mean in its
        `COptimizerPGDLS`: 'max_iter' is 'n_outer'; 'eta' the least step of a
        point, 'eta_min' the first (None: 'eta'), 'eta_max' the greatest
        (None: no limit), in units of the input; a step that gains less than
        'eps' of loss counts as none, but for those that grow from a short
        first one. Where 'eta' or 'eta_max' is given, the
        points move by the ascent alone: no L-BFGS-B, vertices, second search
        or single moves.
    init_type : {'random'}, optional
    random_seed : int or None, optional
        Seed of the starting points and of the replaced rows. None: drawn
        once, when the attack is created.
    y_poison : 'flip', 'worst', a class or a CArray, optional
        Labels of the poisoning points. 'flip' (default): each has that of
        its start, flipped, as in the paper; with `y_target` all have that
        class. 'worst': compositions of 0, 1/4, 1/2, 3/4 and all of one label
        (of a softmax: pairs of classes) are tried for 12 steps each, and that
        of the most errors on the attacker's rows is kept, with `y_target` that
        of the most rows classified as it, see `history`; from there the points
        follow the loss. Points of `ds_init` keep their labels: run alone, a
        strength may find worse ones. A class for all points, or a CArray with
        one for each, shape (p,). Points start as rows of another class.
    learn_lmbda : bool or 'trust', optional
        False: the classifier's own C stays (Xiao et al. 2015). 'trust': `val`
        is trained on too, and the defender learns by cross-validation on it
        how much the other rows count, see `.core.trust`. Default True.
    lmbda_bounds : (float, float), optional
        Interval of the learned lambda. Default (-8, 11.5). With 'trust' lambda
        is at least -2 unless the other rows have the weight 0.
    poison_mode : {'append', 'replace'}, optional
        Whether poison is added to the training data or takes the place of
        clean rows drawn at random (the paper's App. D). Default 'append'.
    batch_size : int, optional
        With ``joint=False``: points optimised together. Default 17.
    joint : bool, optional
        True (default): all points move together, those of `ds_init` from
        where they are: the stronger attack. For a fixed lambda without `dmax`
        by L-BFGS-B, see `.core.quasi_newton`, else by the ascent of the
        paper. Each strength of a security evaluation is then a search of its
        own. False: the paper's batches, those before stay fixed, and an
        evaluation costs about as much as its strongest attack where the
        strengths are multiples of `batch_size`.
    n_restarts : int, optional
        New points are optimised this many times more, from other starts
        and another lambda, and the best for the attacker is kept.
        Default 0: the paper, with many more points, found restarts not
        crucial. With few points, one to six, and a small fixed lambda a
        search may end below the worst, with more than 50 features far below,
        and no verdict says so: take 4.
    device : str, optional
        'auto', 'cpu', 'cuda', ... 'auto' takes CUDA, if available, from
        600,000 training values (rows times features) on: below that a CPU is
        faster by 'implicit', and by 'rmd' a GPU saves milliseconds a step.
    dtype : {'float64', 'float32'}, optional
        Precision in which points and lambda are searched for; the classifier
        is trained in its own, float64 by default. 'float32' is 1.2 to
        1.5 times as fast; of a ridge classifier or an SVM by 'implicit', with
        fewer rows than columns, it is searched in float64 all the same, as
        float32 keeps no digit there at small lambda. Default 'float64'.
    feasible : CFeasibleSphereSlab, CFeasibleInteger, CFeasibleMask or a tuple
        What else holds the points, beside the box and `dmax`: what a filter
        lets pass, whole numbers, features that stay or only grow. Starts are
        projected. L-BFGS-B is for the box and a mask alone, and for whole
        numbers in a first search without them. Default None.
    attacker_set : CDataset or None, optional
        Rows on which the attacker raises the loss. Default None: `val`, so
        that the defender sees the harm, as in the paper.
    camouflage : 'auto' or float, optional
        From 0 to 1: how much an attacker with a set of its own keeps the
        defender's loss low, see `.camouflaged`. 'auto'
        (default) tries 0, 0.5 and 0.9, with 'trust' (see `.TrustDefender`)
        0, 0.2 and 0.5, and keeps what errs most. 0 where lambda is fixed.
    trust_margin : float, optional
        With 'trust': the other rows count only where the gain on `val` is at
        least so many of its standard errors. Default 0; without 'trust'
        another is refused.

    Attributes
    ----------
    f_seq, x_seq : CArray
        Loss and points of every iterate recorded of the last batch (with
        `joint` of all points), the start first; by L-BFGS-B one an
        evaluation. Shapes (n_iter,) and (n_iter, p * d); a checkpoint
        keeps of older batches the start alone, (1, p * d).

    Raises
    ------
    TypeError, ValueError
        Before any work, naming the parameter, the condition and the value.
    FloatingPointError
        From `run`, if training diverged; names the step size.

    """
    # class of the loss of classifiers that can be attacked, and their names
    _loss_kind, _kinds = (), ''

    def __init__(self, classifier, training_data, val, distance='l2',
                 dmax=None, lb=0, ub=1, y_target=None, solver_type='rmd',
                 solver_params=None, init_type='random', random_seed=0,
                 y_poison='flip', learn_lmbda=True, lmbda_bounds=LMBDA_BOUNDS,
                 poison_mode='append', batch_size=17, joint=True, n_restarts=0,
                 device='auto', dtype='float64', feasible=None,
                 attacker_set=None, camouflage='auto', trust_margin=0.):
        check_classifier(classifier, self._loss_kind, self._kinds)
        check_dataset('training_data', training_data)
        check_dataset('val', val, training_data)
        # a stand-in: the host refuses class types other than its own, and
        # takes nothing from the classifier but the name of its loss
        super().__init__(
            CClassifierLogistic(), training_data, val, distance=distance,
            dmax=dmax, lb=lb, ub=ub, y_target=y_target,
            solver_type=solver_type,
            solver_params={'eta': None},  # the host asks for this one
            init_type=init_type, random_seed=random_seed)
        warn_of_dmax(dmax)
        warn_of_surrogate(classifier, training_data)
        self._classifier = classifier
        self.solver_params = solver_params
        del self.eta  # the host's second copy of solver_params['eta']
        self.y_poison = y_poison
        self.learn_lmbda, self.lmbda_bounds = learn_lmbda, lmbda_bounds
        self.poison_mode = poison_mode
        self.batch_size, self.joint = batch_size, joint
        self.n_restarts = n_restarts
        self.device, self.dtype = device, dtype
        self.feasible = feasible
        self.attacker_set, self.camouflage = attacker_set, camouflage
        self.trust_margin = trust_margin
        # the seed for random_seed=None: drawn once, so that a longer run
        # continues a shorter one
        self._entropy = np.random.SeedSequence().entropy
        self._prepared = PreparedData()
        self._history = ()
        self._clear_result()
        self._prepare()

    @property
    def trust(self):
        """Weight of the untrusted rows, of the last run; 1 without 'trust'."""
        return self._trust

    @property
    def entropy(self):
        """The seed where `random_seed` is None."""
        return self._entropy

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

    @CAttackPoisoning.lb.setter
    def lb(self, value):
        self._lb = settings.as_plain(value)

    @CAttackPoisoning.ub.setter
    def ub(self, value):
        self._ub = settings.as_plain(value)

    @CAttackPoisoning.y_target.setter
    def y_target(self, value):
        self._y_target = settings.as_plain(value)

    @CAttackPoisoning.solver_type.setter
    def solver_type(self, value):
        # secml's default names how the points move, not the derivative
        self._solver_type = 'rmd' if value == 'pgd-ls' else value

    @CAttackPoisoning.solver_params.setter
    def solver_params(self, value):
        self._solver_params = settings.as_solver_params(value)

    @property
    def lmbda(self):
        """lambda that the defender learned, or has; natural log."""
        if self._lmbda is None or not self.learn_lmbda:
            return settings.start_lmbda(self)
        return self._lmbda

    @property
    def lmbda_seq(self):
        """lambda of the iterates of `f_seq`, (n_iter,)."""
        return self._lmbda_seq

    @property
    def f_eval(self):
        """Models trained in the last `run`."""
        return self._f_eval

    @property
    def grad_eval(self):
        """Iterates of the last `run`, a hypergradient each at most."""
        return self._grad_eval

    @property
    def adv_ds(self):
        """Poison of the last `run`; the best so far if it was interrupted.

        A CDataset to continue from, `ds_init` of `run`, or None: also after
        `set_state`, which restores only its points, `xc` and `yc`.
        """
        return self._poison

    @property
    def history(self):
        """A `.RunRecord` for each `run` since the last without `ds_init`.

        A tuple: `CSecEval` leaves one record for each of its values.
        """
        return self._history

    def run(self, x, y, ds_init=None, max_iter=1, checkpoint=None):
        """Poison the training data with `n_points` points.

        Differs from the stock attacks:

        1. All points move together (with ``joint=False`` those of a batch),
           and lambda with them.
        2. The points of `ds_init` are kept, and must be in the box. With
           `joint` they move on from where they are, else they stay. lambda
           starts from ``ds_init.header.search_lmbda``, else from ``lmbda``. A
           `ds_init` made for another `distance`, `dmax`, `lb`, `ub`,
           `feasible`, `y_target` or fixed C is ignored. Other data, labels,
           classifiers (except C), seeds, restarts, solvers, their settings or
           modes, and without `joint` other batch sizes, keep it, with a
           warning. With other validation rows, or without a header, its
           points count as started at the nearest ones.
        3. At ``n_points = 0`` lambda is learned on clean data, and the poison
           returned has no rows but a header.
        4. The classifier is retrained with its preprocess, as `fit` does, and
           at the learned lambda: see `poisoned_classifier`. A copy of the
           classifier, trained on the same rows, keeps its own C.
        5. Labels are the datasets' own, not only {0, 1}.
        6. `f_opt` is in the units of the loss, of a logistic regression in
           nats, where secml's is in bits. `x_seq` and `x0` hold all points
           that moved.

        Parameters
        ----------
        x : CArray, shape (k, d)
            Test points on which the poisoned classifier is evaluated.
        y : CArray, shape (k,)
            Their labels; logged accuracy only.
        ds_init : CDataset or None, optional
            Poison to continue from, shorter or longer than `n_points`.
        max_iter : int, optional
            secml's number of passes over the points. With `joint` all move at
            once, so that any number from 1 on is the same attack, and
            ``solver_params['n_outer']`` limits its steps; else only 1.
        checkpoint : str, path-like or None, optional
            File that keeps each finished batch (with `joint` each finished
            strength) and trial of labels; created if missing. After a
            kill, Ctrl-C or an error the same call, with a `random_seed`,
            continues from there and reproduces points, lambda and
            predictions bit for bit. One file serves longer runs too, and
            ``run_sec_eval(ts, checkpoint=PATH)`` of a `CSecEval` over
            `n_points`; of another parameter each value needs a run with a
            file of its own. Of the paths `x_seq` it keeps that of the newest
            batch.

        Returns
        -------
        y_pred : CArray, shape (k,)
            Labels that `poisoned_classifier` gives, of the datasets' own
            (its `predict` counts classes from 0).
        scores : CArray, shape (k, n_classes)
        adv_ds : CDataset
            The poison. Its header has `lmbda`, `w_norm` (norm of the weights,
            in the classifier's feature space), `verdicts` (of `.Verdicts`),
            `starts` (validation rows where points started), `search_lmbda` (of
            the solver, where more points start), `problem_id`,
            `search_settings`; with learn_lmbda='trust' also `trust`.
        f_opt : float
            Attacker's loss, see `objective_function`.

        Raises
        ------
        TypeError, ValueError
            Before any work; also where the checkpoint is damaged, or of
            another problem.
        OSError
            The checkpoint cannot be read or written, or another process
            writes to it. The attack keeps in `adv_ds` what it has found.
        KeyboardInterrupt
            Ctrl-C; `adv_ds` has the best points so far: of the batch at
            hand, or, where they do more harm or there are no others, of the
            trials of labels; else those of `ds_init`.
        """
        began = time.perf_counter(), time.thread_time()
        data = self._prepare()
        check_run_arguments(x, y, max_iter, self.joint, self.training_data)
        poison, batch_ends, is_new = continuation.plan(self, data, ds_init)
        with explain_ctrl_c(self, batch_ends[-1], checkpoint):
            self._add_batches(data, poison, batch_ends, is_new, checkpoint)
            y_pred, scores = self._evaluate(data, x, y)
        self._add_record(data, *began, is_first=ds_init is None)
        return y_pred, scores, self.adv_ds.deepcopy(), self._f_opt

    def poisoned_data(self, adv_ds):
        """The data that the classifier is trained on: clean rows, then poison.

        Under ``learn_lmbda='trust'`` the rows of `val` are not in it. The
        classifier is trained on these first, with the weight 1 (they alone
        fit its preprocess), and on what is returned with the weight
        ``adv_ds.header.trust``; where that is 0, on the rows of `val` alone.

        Parameters
        ----------
        adv_ds : CDataset
            Poison as `run` returns it.

        Returns
        -------
        CDataset
        """
        data = self._prepare()
        retraining.check_adv_ds(self, data, adv_ds)
        return retraining.poisoned_data(self, data, adv_ds)

    def poisoned_classifier(self, adv_ds):
        """A copy of the classifier, trained on `poisoned_data`.

        Under ``learn_lmbda='trust'`` on `val` as well, see there.

        Parameters
        ----------
        adv_ds : CDataset
            Poison as `run` returns it. Its ``header.lmbda`` gives C (of ridge
            alpha), unless lambda is fixed: then it is the classifier's own.

        Returns
        -------
        CClassifier
            The classifier that `run` evaluated. As any of secml, its
            `predict` returns 0 or 1 (of more classes their numbers): places
            in ``training_data.classes``, whatever the labels.
        """
        data = self._prepare()
        retraining.check_adv_ds(self, data, adv_ds)
        return retraining.fit_classifier(self, data, adv_ds)

    def starting_points(self, adv_ds):
        """Points where those of `adv_ds` started.

        Parameters
        ----------
        adv_ds : CDataset
            Poison as `run` returns it, whole.

        Returns
        -------
        CArray, shape (p, d)
            Validation points, projected on the feasible set.
        """
        data = self._prepare()
        retraining.check_adv_ds(self, data, adv_ds)
        return to_carray(retraining.set_of(self, data, adv_ds).x_0,
                         self.training_data.issparse)

    def objective_function(self, xc, acc=False):
        """Attacker's loss with point `_idx` (or the first) of `xc` at `xc`.

        The other points are the attribute `xc`, with labels `yc`: those of
        the last `run`, or set by hand. lambda is the attribute `lmbda`, held
        constant. The model is the one that the derivatives are of: another
        than the classifier where that stops early (``solver='sgd'``),
        minimises another loss (CClassifierSVM), has its own `fit`, or refits a
        preprocess that the attack holds frozen. For maps,
        ``fig.sp.plot_fun(attack.objective_function)``.

        Parameters
        ----------
        xc : CArray, shape (d,)
            Place of the point, in units of the input.
        acc : bool
            True: share of the attacker's rows that do not get the label that
            their loss is of.

        Returns
        -------
        float
            ``(1/m) sum_j l(y_j f(x_j))`` over the attacker's rows, with the
            loss l of the attack's class; y_target in the place of y_j where it
            is set.
        """
        return objective.value(self, self._prepare(), xc, acc)

    def objective_function_gradient(self, xc, normalization=True):
        """Derivative of `objective_function` with respect to `xc`.

        Parameters
        ----------
        xc : CArray, shape (d,)
            Place of the point, in units of the input.
        normalization : bool
            True: of unit norm, unless it is zero.

        Returns
        -------
        CArray, shape (d,)
        """
        return objective.gradient(self, self._prepare(), xc, normalization)

    def learned_lmbda(self, xc):
        """lambda that the defender learns with the point at `xc`.

        The points are as for `objective_function`. The defender minimises the
        validation loss on the true labels in `lmbda_bounds`, starting from
        the attribute `lmbda`.

        Parameters
        ----------
        xc : CArray, shape (d,)
            Place of the point, in units of the input.

        Returns
        -------
        float
            Natural log, C = exp(-lmbda).
        """
        return objective.learned_lmbda(self, self._prepare(), xc)

    def diagnostics(self):
        """Convergence of training, of the defender and of the attacker.

        At the attributes `xc`, `yc` and `lmbda`; all points move. The model
        is that of `objective_function`. Of the points of the last `run` also
        what its verdicts say.

        Returns
        -------
        Diagnostics
            Print it.
        """
        return gradient_check.diagnose_points(self, self._prepare())

    def check_gradient(self, n_directions=5, step=1e-4, random_seed=0):
        """Compare the hypergradient with central differences.

        At the attributes `xc`, `yc` and `lmbda`; all points move. Left
        out, and counted, are coordinates where the preprocess has no
        derivative, as where they tie for the least value of a column.

        Parameters
        ----------
        n_directions : int
            Random directions of all points together, of unit norm.
        step : float
            Of the central differences, in units of the input, or in
            deviations of each column where the preprocess scales it; their
            own error is of the order of its square, or rounding. If `step` is
            below 5e-3, the check is also made with 5e-3, and the smaller
            error is returned.
        random_seed : int
            Of the directions.

        Returns
        -------
        GradientCheck
        """
        gradient_check.check_arguments(n_directions, step, random_seed)
        return gradient_check.compare_gradient(
            self, self._prepare(), n_directions, step, random_seed)

    def set_state(self, state_dict, copy=False):
        """Set what `get_state` returned, which `adv_ds` is not part of.

        Parameters
        ----------
        state_dict : dict
            Values of attributes. With points, `xc`, all else of the last
            `run` is forgotten.
        copy : bool, optional
            Whether the values are copied.
        """
        if 'xc' in state_dict:
            self._clear_result()
        super().set_state(state_dict, copy=copy)

    def _prepare(self):
        """Raise on what cannot be attacked, then the `PoisoningData`."""
        settings.check_attack(self)
        attacker.check_attacker(self)
        data = self._prepared.get(
            self.training_data, self.val, self.attacker_set,
            self.classifier.preprocess, self.poison_mode, self.y_target,
            self.device, self._entropy if self.random_seed is None
            else self.random_seed, target_of(self.classifier).by_class)
        pipeline.check_refitted(self, data)
        settings.check_clean_rows_left('n_points', self.n_points or 0, data)
        return data

    def _add_batches(self, data, poison, batch_ends, is_new, checkpoint):
        """Optimise batch after batch, or read it from the checkpoint. Where
        this stops on the way, keep the best so far."""
        with open_checkpoint(checkpoint, self, data) as saved:
            self._clear_result()
            trials = []
            try:
                y_new = poison_labels.choose(self, data, poison, saved, trials)
                for result in make_batches(self, data, poison, batch_ends,
                                           y_new, saved):
                    self._set_result(data, *result)
            except BaseException:  # Ctrl-C, a full disk, any error
                self._keep_better(data, poison, trials, is_new)
                raise
            finally:
                self._compositions = tuple(one.composition for one in trials)
                self._f_eval += sum(one.batch.n_trainings for one in trials)
                self._grad_eval += sum(
                    one.batch.n_evaluations for one in trials)

    def _keep_better(self, data, poison, trials, is_new):
        """Where a stop leaves no result, make it the worst of `trials`, or
        without any the points of `ds_init`. With `joint` the worst of `trials`
        also takes the place of a result that does less harm; without, the
        finished batches stay, as a later run adds to them."""
        is_kept = self._poison is not None
        if is_kept and not (trials and self.joint) or not trials and is_new:
            return
        poison, batch = poison_labels.best_so_far(self, data, poison, trials)
        if not is_kept or settings.sign_of(self) * (
                batch.value - self._f_opt) > 0:
            self._set_result(data, poison, batch, is_read=False)

    def _clear_result(self):
        """Forget the points and the cost of the last `run`."""
        self._idx = None  # the point that `objective_function` moves
        self._xc = self._yc = self._x0 = self._x_opt = self._x_seq = None
        self._f_opt = self._f_seq = self._lmbda = self._lmbda_seq = None
        self._poison, self._seconds_from_checkpoint = None, 0.
        self._compositions = ()
        self._solver_loss = self._val_loss = float('nan')
        self._kept_camouflage = 0.
        self._verdicts, self._budget_hit = None, False
        self._f_eval = self._grad_eval = 0
        self._trust = 1.

    def _set_result(self, data, poison, batch, is_read):
        """Make `poison`, which ends with `batch`, the state of the attack."""
        xc = to_carray(poison.x, self.training_data.issparse)
        yc = data.decode(poison.y)
        adv_ds = CDataset(xc.deepcopy(), yc.deepcopy(),
                          continuation.header_of(self, data, poison))
        x_0, x_seq = to_carray(batch.path[0]), to_carray(batch.path.flatten(1))
        f_seq, lmbda_seq = CArray([*batch.f_seq]), CArray([*batch.lmbda_seq])
        # nothing is computed from here on, so that Ctrl-C can hardly hit it
        self._xc, self._yc, self._poison = xc, yc, adv_ds
        self._x0, self._x_opt, self._x_seq = x_0, xc, x_seq
        self._f_opt, self._f_seq = batch.value, f_seq
        self._lmbda, self._lmbda_seq = poison.lmbda, lmbda_seq
        self._kept_camouflage = batch.camouflage
        self._budget_hit |= len(batch.x) > 0 and not batch.converged
        self._f_eval += batch.n_trainings
        self._grad_eval += batch.n_evaluations
        self._seconds_from_checkpoint += batch.seconds if is_read else 0.

    def _evaluate(self, data, x, y):
        """Predictions and scores of the poisoned classifier, at the best
        lambda for it. Its lambda and loss become those of the result."""
        found = evaluation.evaluate(self, data, self.adv_ds, x,
                                    self._budget_hit)
        self._verdicts, self._val_loss = found.verdicts, found.losses.defender
        header = self.adv_ds.header
        self._lmbda, self._trust = header.lmbda, getattr(header, 'trust', 1.)
        self._solver_loss, self._f_opt = self._f_opt, found.losses.attacker
        retraining.warn_if_values_differ(
            self, data, self._solver_loss, self._f_opt, found.verdicts)
        evaluation.log_result(self, found, y)
        return found.y_pred, found.scores

    def _add_record(self, data, began, began_cpu, is_first):
        """Append this `run` to `history`, or begin it anew."""
        record = RunRecord(
            n_points=self.adv_ds.num_samples, loss=self._f_opt,
            val_loss=self._val_loss, solver_loss=self._solver_loss,
            camouflage=self._kept_camouflage, lmbda=self._lmbda,
            seconds=time.perf_counter() - began,
            seconds_cpu=time.thread_time() - began_cpu,
            seconds_from_checkpoint=self._seconds_from_checkpoint,
            n_hypergradients=self.grad_eval, n_trainings=self.f_eval,
            n_labels=tuple(int((self.adv_ds.Y == label).sum())
                           for label in self.training_data.classes.tolist()),
            compositions=self._compositions,
            constant_loss=evaluation.constant_loss(self, data),
            verdicts=self._verdicts)
        self._history = (record,) if is_first else (*self._history, record)

    def _replace_result(self, k, adv_ds, record):
        """Make `adv_ds` the poison, and `record` that of run `k`."""
        self._poison, self._lmbda = adv_ds, record.lmbda
        self._trust = getattr(adv_ds.header, 'trust', 1.)
        self._xc = self._x_opt = adv_ds.X.deepcopy()
        self._yc, self._f_opt = adv_ds.Y.deepcopy(), record.loss
        self._verdicts = record.verdicts
        self._history = (*self._history[:k], record, *self._history[k + 1:])

    # What secml's attacks are built on, for code that calls it

    def _rnd_init_poisoning_points(self, n_points=None, init_from_val=True,
                                   val=None):
        """Starting points as `run` draws them, validation rows, and their
        labels. Other rows are refused."""
        check('init_from_val', init_from_val, init_from_val, 'True')
        _check_own('val', val, self.val)
        data = self._prepare()
        n_points = (self.n_points or 0) if n_points is None else n_points
        start = data.new_points(
            data.poison_set(self.lmbda), n_points,
            poison_labels.new_labels(self, data, 0, n_points))
        x_0 = feasible_set(self, data, start.x, start.y).x_0
        return (to_carray(x_0, self.training_data.issparse),
                data.decode(start.y))

    def _run(self, xc, yc, idx=0):
        """Optimise point `idx` of `xc`, the others held fixed."""
        self.xc, self.yc = CArray(xc).atleast_2d().astype(float), CArray(yc)
        self._idx, self._x0 = idx, self.xc[idx, :].ravel()
        solution, path = objective.optimise_point(self, self._prepare(), idx)
        self._x_opt = to_carray(solution.x_p).ravel()
        self._x_seq = to_carray(torch.cat([here.x_p for here in path]))
        self._f_seq = CArray([here.value for here in path])
        self._lmbda_seq = CArray([here.lmbda for here in path])
        self._lmbda, self._f_opt = solution.lmbda, solution.value
        self._f_eval = solution.n_trainings
        self._grad_eval = solution.n_evaluations
        self.xc[idx, :] = self._x_opt
        self._update_poisoned_clf()
        return self._x_opt

    def _update_poisoned_clf(self, clf=None, tr=None, train_normalizer=False):
        """The classifier trained with the points `xc` at the attribute
        `lmbda`, and `poisoned_data`. Another `clf` or `tr` is refused."""
        _check_own('clf', clf, self.classifier)
        _check_own('tr', tr, self.training_data)
        data = self._prepare()
        objective.moving_points(self, data)  # raises unless there are some
        adv_ds = CDataset(self.xc, self.yc, PoisonHeader(
            lmbda=self.lmbda, trust=self.trust))
        self._poisoned_clf = retraining.fit_classifier(self, data, adv_ds)
        return self._poisoned_clf, retraining.poisoned_data(self, data, adv_ds)

    def _gradient_fk_xc(self, xc, yc, clf, loss_grad, tr, k=None):
        raise NotImplementedError(
            'The derivative with respect to all points is computed at once: '
            'see `objective_function_gradient`.')


def _check_own(name, value, own):
    """Raise unless `value` is None or the attack's own."""
    check(name, type(value).__name__, value is None or value is own,
          "None or the attack's own")
