"""What a `CSecEval` has measured, as its curves need it."""
import copy

import numpy as np

from secml.adv.seceval import CSecEvalData
from secml.array import CArray


def in_order(sec_eval_data, name):
    """The repetitions of one evaluation, checked, their strengths in order.

    Parameters
    ----------
    sec_eval_data : CSecEvalData or list of CSecEvalData
    name : str
        The scalar that the header of each `adv_ds` must have.

    Returns
    -------
    list of CSecEvalData
        Copies where the order was another.

    """
    repetitions = sec_eval_data if isinstance(sec_eval_data, list) \
        else [sec_eval_data]
    if not repetitions:
        raise ValueError("`sec_eval_data` must have at least one CSecEvalData,"
                         " got an empty list.")
    for data in repetitions:
        if not isinstance(data, CSecEvalData):
            raise TypeError(
                "`sec_eval_data` must be a CSecEvalData or a list of them, "
                f"got {type(data).__name__}: after `run_sec_eval` it is the "
                "attribute `sec_eval_data` of the CSecEval.")
        _check_headers(data, name, repetitions[0].param_values)
    return [*map(_sorted, repetitions)]


def _sorted(sec_eval_data):
    """The same, or a copy whose strengths increase."""
    order = np.argsort(sec_eval_data.param_values.tondarray(), kind='stable')
    if (np.diff(order) == 1).all():
        return sec_eval_data
    data = copy.copy(sec_eval_data)
    data.param_values = data.param_values[order.tolist()]
    for name in ('adv_ds', 'Y_pred', 'scores'):
        values = getattr(data, name)
        if values is not None:
            setattr(data, name, [values[k] for k in order])
    return data


def _check_headers(sec_eval_data, name, strengths):
    """Raise unless each strength has its scalar, and the strengths agree."""
    values = CArray(sec_eval_data.param_values)
    if values.dtype.kind not in 'iuf' or not np.isfinite(
            values.tondarray()).all():
        raise ValueError(
            "`sec_eval_data` must have strengths that are finite numbers, got "
            f"{values.tolist()} of the parameter {sec_eval_data.param_name}.")
    if values.size != strengths.size or (values != strengths).any():
        raise ValueError(
            "`sec_eval_data` must have the same strengths in each repetition, "
            f"got {values.tolist()} beside {strengths.tolist()}.")
    adv_ds = sec_eval_data.adv_ds or []
    # secml's own attacks leave None at strength 0
    if not adv_ds or not all(hasattr(getattr(ds, 'header', None), name)
                             for ds in adv_ds):
        raise ValueError(
            f"`sec_eval_data` must have `{name}` in the header of each of its "
            "adv_ds, got none: create the CSecEval with save_adv_ds=True and "
            "a minimax poisoning attack.")
    if len(adv_ds) != strengths.size:  # secml appends in a second run
        raise ValueError(
            "`sec_eval_data` must have one adv_ds for each of "
            f"{strengths.size} strengths, got {len(adv_ds)}: `run_sec_eval` "
            "can be called once for a CSecEval; make another.")
