"""Each model on a GPU, pretended and real: the numbers of the CPU."""
from dataclasses import replace
from functools import partial

import pytest
import torch

from core_problems import FORMS, compare, make, to
from secml_regpoison.core import hypergradient, solve
from secml_regpoison.core.linear_model import LinearModel
from secml_regpoison.core.losses import Squared, SquaredHinge
from secml_regpoison.core.penalties import L1
from secml_regpoison.core.preprocessing import MeanStd
from secml_regpoison.core.softmax_model import SoftmaxModel
from secml_regpoison.core.trust import TrustModel

pytestmark = pytest.mark.usefixtures('gpu')

HINGE = partial(LinearModel, loss=SquaredHinge(), beta=1.)


def classes(problem, x_p, y_p):
    """The same rows with labels of three classes."""
    y_tr, y_val, y_p = (torch.arange(len(y)).to(y) % 3 for y in (
        problem.y_tr, problem.y_val, y_p))
    return replace(problem, y_tr=y_tr, y_val=y_val, n_classes=3), x_p, y_p


def sparse(problem, *points):
    """The same rows, stored as sparse ones."""
    return (replace(problem, x_tr=problem.x_tr.to_sparse_csr(),
                    x_val=problem.x_val.to_sparse_csr()), *points)


def both(work, problem, *points):
    """Results of `work` on both devices."""
    return (work(*to(device, problem, *points)) for device in ('cpu', 'cuda'))


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('method', ('rmd', 'implicit'))
@pytest.mark.parametrize('case, model', [
    (make(), HINGE), (make(), partial(LinearModel, loss=Squared())),
    (make(preprocess=MeanStd()), LinearModel), (sparse(*make()), LinearModel),
    (classes(*make()), SoftmaxModel)],
    ids=('hinge', 'squared', 'mean-std', 'sparse', 'softmax'))
def test_each_model(case, model, method, form):
    cpu, gpu = both(lambda *arguments: hypergradient(
        *arguments, .5, method, 30, form=form, model=model, momentum=.5,
        inner_tol=1e-12), *case)
    for found, expected in zip(gpu, cpu):
        compare(found.cpu(), expected, 1e-10)


@pytest.mark.parametrize('method', ('rmd', 'implicit'))
def test_sparse_weights(method):
    cpu, gpu = both(lambda *arguments: hypergradient(
        *arguments, 0., method, 30, inner_tol=1e-12,
        model=partial(LinearModel, penalty=L1)), *make(n=40, d=20))
    for found, expected in zip(gpu, cpu):
        compare(found.cpu(), expected, 1e-10)


@pytest.mark.parametrize('method', ('rmd', 'implicit'))
def test_learned_trust(method):
    folds = tuple(torch.arange(40)[k::3] for k in range(3))
    cpu, gpu = both(lambda problem, *arguments: solve(
        problem, *arguments, 0., method=method, n_outer=3, n_inner=20,
        model=partial(TrustModel, folds=tuple(
            fold.to(problem.x_tr.device) for fold in folds))),
        *make(n=60, m=40, d=8, p=4))
    assert gpu.value == pytest.approx(cpu.value, rel=1e-6)
    # BFGS steps amplify the rounding of either device; the loss is flat here
    assert gpu.log_s == pytest.approx(cpu.log_s, abs=1e-3)
