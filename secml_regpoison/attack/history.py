"""Records of the runs of an attack: result and cost of each."""
from dataclasses import dataclass

from secml_regpoison.core.verdicts import Verdicts


@dataclass(frozen=True)
class Composition:
    """How bad one composition of the points' labels was, when tried.

    n_points : points with each label. error, loss : of the evaluated
    classifier on the attacker's rows, the validation rows unless it has its
    own, after a few steps; with `y_target` an error is a row that does not
    get this class. n_trainings, n_hypergradients : what it cost. pair : of
    more than two classes, that where all new points start and their label; ()
    if they differ.
    """

    n_points: tuple
    error: float
    loss: float
    n_trainings: int
    n_hypergradients: int
    pair: tuple = ()

    def __str__(self):
        labels = ' and '.join(map(str, self.n_points))
        if self.pair:
            start, label = self.pair
            labels += f' (class {start} labelled {label})'
        return (f"points of each label {labels}: error on the attacker's rows "
                f'{100 * self.error:.1f} %, loss {self.loss:.4f}')


@dataclass(frozen=True)
class RunRecord:
    """One `run` of an attack.

    n_points, loss, lmbda : the strength, and the attacker's loss and lambda
    of the classifier that was evaluated. val_loss : the defender's loss, on
    the validation rows. solver_loss : the loss by the solver that made the
    points. camouflage : the value that was kept. seconds, seconds_cpu : wall
    time of this `run`, and CPU time of its thread. seconds_from_checkpoint :
    wall time that the batches read from the checkpoint took when they were
    computed, not part of `seconds`.
    n_hypergradients, n_trainings : iterates evaluated, of which at most one
    hypergradient each was computed, and trained models, those of the batches
    read included. compositions : with ``y_poison='worst'`` a
    `.Composition` for each that was tried; n_labels : points of each label.
    constant_loss : validation loss of a constant answer. verdicts : what is
    true of the result, see `.Verdicts`.
    """

    n_points: int
    loss: float
    val_loss: float
    solver_loss: float
    lmbda: float
    seconds: float
    seconds_cpu: float
    seconds_from_checkpoint: float
    n_hypergradients: int
    n_trainings: int
    n_labels: tuple
    compositions: tuple
    constant_loss: float
    verdicts: Verdicts
    camouflage: float = 0.
