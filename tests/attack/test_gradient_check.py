"""The attack's own report of its gradients, convergence and restarts."""
import numpy as np
import pytest
from sklearn.datasets import load_digits

from secml_regpoison import CAttackPoisoningMinimaxLR
from secml_regpoison.core.solvers import rmd

from secml.array import CArray
from secml.data import CDataset
from secml.ml.classifiers import CClassifierLogistic


@pytest.fixture(scope='module')
def digits():
    """Training, validation and test set of digits 0 v 8."""
    x, y = load_digits(return_X_y=True)
    rows = np.random.default_rng(0).permutation(
        np.flatnonzero((y == 0) | (y == 8)))
    parts = rows[:100], rows[100:150], rows[150:]
    return [CDataset(x[part] / 16., (y[part] == 8).astype(int))
            for part in parts]


def make(digits, C=1., preprocess=None, **kwargs):
    attack = CAttackPoisoningMinimaxLR(
        CClassifierLogistic(C=C, preprocess=preprocess), digits[0], digits[1],
        **kwargs)
    attack.n_points = 6
    return attack


@pytest.mark.parametrize('solver_type', ['rmd', 'implicit'])
@pytest.mark.parametrize('preprocess', [None, 'min-max'])
@pytest.mark.parametrize('y_target', [None, 1])
def test_check_gradient_agrees(digits, solver_type, preprocess, y_target):
    attack = make(digits, solver_type=solver_type, preprocess=preprocess,
                  y_target=y_target, solver_params={'n_outer': 2})
    attack.run(digits[2].X, digits[2].Y)
    found = attack.check_gradient()
    assert found.points < 1e-5 and found.lmbda < 1e-5
    assert f'{found.points:.1e}' in str(found)


def test_check_gradient_sees_a_wrong_sign(digits, monkeypatch):
    attack = make(digits)
    attack.xc, attack.yc = attack._rnd_init_poisoning_points()
    assert attack.check_gradient().points < 1e-5
    right = rmd.vjp_points_lambda
    monkeypatch.setattr(rmd, 'vjp_points_lambda', lambda *args: tuple(
        -part for part in right(*args)))
    assert attack.check_gradient().points > 1


def test_check_gradient_sees_a_truncated_pass(digits):
    """RMD through the last 5 of 150 steps is not the derivative, by far."""
    attack = make(digits, solver_params={'truncate': 5})
    attack.xc, attack.yc = attack._rnd_init_poisoning_points()
    assert attack.check_gradient().points > .1


@pytest.mark.parametrize('solver_type', ['rmd', 'implicit'])
def test_diagnostics_of_a_saddle(digits, solver_type):
    attack = make(digits, solver_type=solver_type)
    attack.run(digits[2].X, digits[2].Y)
    found = attack.diagnostics()
    assert found.lmbda == attack.lmbda
    assert abs(found.defender_gap) < .005
    assert abs(found.lmbda - found.grid_lmbda) < 1
    assert found.residual < 1e-8
    assert found.cosine > .9
    assert found.attacker_grad_norm < .5
    assert (found.inner_grad_norm < 1e-8) == (solver_type == 'implicit')
    assert f'best on grid {found.grid_lmbda:.2f}' in str(found)


def test_diagnostics_see_what_is_wrong(digits):
    """A fixed small lambda, too few training steps, points not optimised."""
    attack = make(digits, C=np.exp(8), learn_lmbda=False,
                  solver_params={'n_inner': 5, 'n_outer': 0})
    attack.run(digits[2].X, digits[2].Y)
    found = attack.diagnostics()
    assert found.inner_grad_norm > .1
    assert found.cosine < .9
    assert found.attacker_grad_norm > .1
    attack = make(digits, C=np.exp(8), learn_lmbda=False)
    attack.run(digits[2].X, digits[2].Y)
    assert attack.diagnostics().defender_gap > .5


def test_diagnostics_need_points(digits):
    with pytest.raises(ValueError, match='`xc` and `yc` must be set'):
        make(digits).diagnostics()


def test_restarts_keep_the_best_saddle(digits):
    once = make(digits).run(digits[2].X, digits[2].Y)
    attack = make(digits, n_restarts=3)
    again = attack.run(digits[2].X, digits[2].Y)
    assert again[3] >= once[3]
    assert make(digits, n_restarts=3).run(
        digits[2].X, digits[2].Y)[3] == again[3]


def test_restarts_start_elsewhere(digits):
    """Other validation points, still without repetition."""
    data = make(digits)._prepare()
    none = data.poison_set(0.)
    assert sorted(data.new_points(none, 50, 1).starts) == list(range(50))
    first, second = (data.new_points(none, 6, restart) for restart in (0, 1))
    assert first.starts != second.starts
    assert not (first.x == second.x).all()


@pytest.mark.parametrize('solver_type', ['rmd', 'fmd', 'implicit'])
def test_every_solver_runs(digits, solver_type):
    attack = make(digits, solver_type=solver_type,
                  solver_params={'n_outer': 2, 'n_inner': 20})
    attack.n_points = 2
    y_pred, _, adv_ds, f_opt = attack.run(digits[2].X, digits[2].Y)
    assert adv_ds.num_samples == 2 and f_opt > 0
    assert (y_pred != digits[2].Y).mean() < .5
    assert isinstance(attack.f_seq, CArray)
