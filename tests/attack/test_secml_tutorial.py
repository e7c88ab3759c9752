"""The steps of secml's tutorial 05, "Poisoning Attacks against Machine
Learning models", with the class of the attack swapped and the classifier
logistic. Names, calls and settings are the tutorial's."""
import numpy as np
from sklearn.linear_model import LogisticRegression

from secml_regpoison import CAttackPoisoningMinimaxLR

from secml.data.loader import CDLRandomBlobs
from secml.data.splitter import CTrainTestSplit
from secml.figure import CFigure
from secml.ml.classifiers import CClassifierLogistic
from secml.ml.features import CNormalizerMinMax
from secml.ml.peval.metrics import CMetricAccuracy
from secml.optim.constraints import CConstraintBox

SEED = 999


def normalised_blobs():
    """Training, validation and test set, 100 rows each."""
    dataset = CDLRandomBlobs(
        n_features=2, centers=[[-1, -1], [+1, +1]], cluster_std=.9,
        n_samples=300, random_state=SEED).load()
    tr_val, ts = CTrainTestSplit(
        train_size=200, test_size=100, random_state=SEED).split(dataset)
    # of all rows, as in the tutorial
    tr, val = CTrainTestSplit(
        train_size=100, test_size=100, random_state=SEED).split(dataset)
    nmz = CNormalizerMinMax()
    tr.X = nmz.fit_transform(tr.X)
    val.X, ts.X = nmz.transform(val.X), nmz.transform(ts.X)
    return tr, val, ts


def test_the_poisoning_cells_run_with_the_class_swapped():
    tr, val, ts = normalised_blobs()
    metric = CMetricAccuracy()
    clf = CClassifierLogistic()
    clf.fit(tr.X, tr.Y)
    y_pred = clf.predict(ts.X)

    lb, ub = val.X.min(), val.X.max()
    solver_params = {'eta': .05, 'eta_min': .05, 'eta_max': None,
                     'max_iter': 100, 'eps': 1e-6}
    pois_attack = CAttackPoisoningMinimaxLR(
        classifier=clf, training_data=tr, val=val, lb=lb, ub=ub,
        solver_params=solver_params, random_seed=SEED)

    xc, yc = tr[0, :].X, tr[0, :].Y
    pois_attack.x0, pois_attack.xc, pois_attack.yc = xc, xc, yc
    fig = CFigure(4, 5)
    grid_limits = [(lb - .1, ub + .1), (lb - .1, ub + .1)]
    fig.sp.plot_ds(tr)
    fig.sp.plot_ds(tr[0, :], markers='*', markersize=16)
    fig.sp.plot_fun(
        func=pois_attack.objective_function, grid_limits=grid_limits,
        plot_levels=False, n_grid_points=10, colorbar=True)
    fig.sp.plot_constraint(CConstraintBox(lb=lb, ub=ub),
                           grid_limits=grid_limits, n_grid_points=10)
    fig.close()

    pois_attack.n_points = 20
    pois_y_pred, pois_scores, pois_ds, f_opt = pois_attack.run(ts.X, ts.Y)
    acc = metric.performance_score(y_true=ts.Y, y_pred=y_pred)
    pois_acc = metric.performance_score(y_true=ts.Y, y_pred=pois_y_pred)

    # "the classifiers has been successfully attacked"
    assert pois_ds.num_samples == 20 and pois_acc < acc
    assert pois_ds.X.min() >= lb and pois_ds.X.max() <= ub

    # the tutorial retrains a copy of its classifier, whose C is 1: with the
    # lambda that the defender has learned it is the one that was evaluated
    pois_clf = clf.deepcopy()
    pois_clf.C = np.exp(-pois_ds.header.lmbda)
    pois_tr = tr.append(pois_ds)
    pois_clf.fit(pois_tr.X, pois_tr.Y)
    assert (pois_clf.predict(ts.X) == pois_y_pred).all()
    liblinear = LogisticRegression(C=pois_clf.C, solver='liblinear',
                                   tol=1e-8).fit(
        pois_tr.X.tondarray(), pois_tr.Y.tondarray())
    assert liblinear.score(ts.X.tondarray(), ts.Y.tondarray()) == pois_acc
