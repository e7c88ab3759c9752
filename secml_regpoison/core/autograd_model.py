"""A model given by its scores, differentiated by torch autograd.

Slower than `LinearModel`, and open: a network, classes as rows, any scores
that torch can differentiate. Training is the paper's: T steps of gradient
descent with momentum, unrolled.
"""
from dataclasses import dataclass
from typing import Any, Callable

import torch
from torch import Tensor

from .checks import check, is_sparse
from .defender import Defender
from .features import leaf
from .linear_model import LOGISTIC
from .losses import Loss
from .model import Hypergradient, Losses, share_wrong
from .problem import Problem
from .solvers import Training
from .solvers.training import check_not_diverged


@dataclass(frozen=True)
class TrainedParameters:
    """Points, lambda, and the parameters that training ended at; ``w`` and
    ``b`` are the first and the last of them."""

    x_p: Tensor
    lmbda: float
    parameters: list[Tensor]
    w = property(lambda self: self.parameters[0])
    b = property(lambda self: self.parameters[-1])


@dataclass(frozen=True, eq=False)
class AutogradModel:
    """A model ``scores(parameters, x)``, (n,), trained as `LinearModel` is.

    Parameters
    ----------
    problem, y_p, training, loss
        As of `LinearModel`; only the method 'rmd' with a given step size.
    scores : callable
        ``(parameters, x)`` to the scores of the rows.
    initial : list of Tensor
        Where training starts. The penalty is ``exp(lmbda)/(2 n)`` times the
        squares of all parameters that are no biases, of more than 0
        dimensions.

    Raises
    ------
    ValueError
        If the training is another, or the training rows are sparse.
    """

    problem: Problem
    y_p: Tensor
    training: Training
    scores: Callable[[list[Tensor], Tensor], Tensor]
    initial: list[Tensor]
    loss: Loss = LOGISTIC

    defender, lmbda_step = Defender, 1.5

    def __post_init__(self) -> None:
        check('method', self.training.method, self.training.method == 'rmd',
              "'rmd' for a model that autograd differentiates")
        check('eta', self.training.eta, self.training.eta is not None,
              'a step size for a model that autograd differentiates')
        check('problem.preprocess', self.problem.preprocess,
              self.problem.preprocess is None, 'None: it is not refitted here')
        check('truncate', self.training.truncate,
              self.training.truncate is None,
              'None for a model that autograd differentiates')
        check('problem.n_classes', self.problem.n_classes,
              self.problem.n_classes is None, 'None for a model of one score')
        x_tr = self.problem.x_tr
        check('x_tr', x_tr.layout, not is_sparse(x_tr), 'dense for a model '
              'that autograd differentiates', ' Pass `x_tr.to_dense()`.')

    def check(self, x_p: Tensor, lmbda: float) -> None:
        """Nothing is known of the smoothness of any scores."""

    @torch.enable_grad()
    def _unroll(self, phi: Tensor, lmbda: Tensor,
                graph: bool) -> list[Tensor]:
        """Parameters after T steps, open to autograd with `graph`."""
        eta: Any = self.training.eta
        x = torch.cat([self.problem.x_tr, phi])
        y = torch.cat([self.problem.y_tr, self.y_p])
        parameters = [*map(leaf, self.initial)]
        vels = [torch.zeros_like(v) for v in parameters]
        for _ in range(self.training.n_inner):
            penalty = sum((v ** 2).sum() for v in parameters if v.dim())
            loss = (self.loss.value(-y * self.scores(parameters, x)).mean()
                    + lmbda.exp() / (2 * len(x)) * penalty)
            grads = torch.autograd.grad(loss, parameters, create_graph=graph)
            vels = [self.training.momentum * vel - eta * grad
                    for vel, grad in zip(vels, grads)]
            parameters = [v + vel for v, vel in zip(parameters, vels)]
            if not graph:
                parameters = [*map(leaf, parameters)]
        return parameters

    def train(self, x_p: Tensor, lmbda: float,
              start: Any = None) -> TrainedParameters:
        """Train from `initial`, whatever the `start`; FloatingPointError if
        it diverges."""
        phi = self.problem.features(x_p).phi
        parameters = [v.detach() for v in self._unroll(
            phi, phi.new_tensor(lmbda), False)]
        for v in parameters:
            check_not_diverged(v, self.training.eta, lmbda)
        return TrainedParameters(x_p, lmbda, parameters)

    def _loss_on(self, parameters: list[Tensor], x: Tensor,
                 y: Tensor) -> Tensor:
        return self.loss.value(-y * self.scores(parameters, x)).mean()

    def losses(self, trained: TrainedParameters) -> Losses:
        """Validation losses of a trained model."""
        problem, parameters = self.problem, trained.parameters
        x, y = problem.attacker_set
        h = -y * self.scores(parameters, x)
        return Losses(float(self._loss_on(parameters, x, y)),
                      float(self._loss_on(parameters, problem.x_val,
                                          problem.y_val)),
                      share_wrong(h, y))

    def hypergradient(self, trained: TrainedParameters) -> Hypergradient:
        """Validation loss and its derivatives through the whole unroll."""
        found = self._gradients(trained, *self.problem.attacker_set)
        return found if self.problem.is_zero_sum else found._replace(
            grad_lmbda=self.defender_hypergradient(trained).grad_lmbda)

    def defender_hypergradient(self,
                               trained: TrainedParameters) -> Hypergradient:
        """The defender's loss and its derivatives."""
        return self._gradients(trained, self.problem.x_val,
                               self.problem.y_val)

    @torch.enable_grad()
    def _gradients(self, trained: TrainedParameters, x: Tensor,
                   y: Tensor) -> Hypergradient:
        features = self.problem.features(trained.x_p)
        phi = leaf(features.phi.clone())
        lmbda = phi.new_tensor(trained.lmbda).requires_grad_()
        value = self._loss_on(self._unroll(phi, lmbda, True), x, y)
        grad_phi, grad_lmbda = torch.autograd.grad(value, (phi, lmbda))
        return Hypergradient(value.detach(), features.vjp(grad_phi),
                             grad_lmbda)
