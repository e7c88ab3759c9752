"""Forward-mode differentiation (Franceschi et al. 2017)."""
import torch

from .training import training_steps


def forward_mode(model, seed, inner):
    """Tangents of the training steps, carried along with the steps.

        d vel_{t+1} = momentum d vel_t - eta d(grad L(u_t)) - d eta grad L
        d u_{t+1}   = d u_t + d vel_{t+1}

    One tangent for lambda, and one for each feature of each point: cheap
    for lambda, dear for points. Takes what the reverse pass takes, and
    returns what it returns: derivatives by the weights of the poisoning rows
    and by lambda of the loss with gradient `seed` at the trained model.
    """
    form, eta = model.form, model.eta
    seed_scores = form.scores(seed, seed.new_empty(form.n))[None]
    weights = form.weights(model.path)
    s = model.q * (1 - model.q) / form.n
    moves = training_steps(model, inner.momentum)

    def project(du):
        return form.inner(seed[None], seed_scores, du)

    def carry(du, direct, extra, d_eta):
        vel = torch.zeros_like(du)
        for t in range(len(s)):
            scores = form.scores_many(du) + extra(t)
            change = form.lift_many(s[t] * scores) + direct(t)
            form.add_penalty(change, du)
            vel.mul_(inner.momentum).sub_(change, alpha=eta)
            vel.addr_(d_eta, moves[t], alpha=1 / eta)
            du = du + vel
        return du

    def by_lambda():
        def penalty(t):
            out = torch.zeros_like(model.path[t:t + 1])
            form.add_penalty(out, model.path[t:t + 1])
            return out
        d_eta = seed.new_zeros(1)
        if model.eta_by_rows is not None:
            d_eta -= eta ** 2 * form.mu
        du = carry(seed.new_zeros(1, form.n_coords), penalty,
                   lambda t: 0., d_eta)
        return project(du)[0]

    def by_point(i):
        row, d = form.n_tr + i, weights.shape[1]
        d_eta = (seed.new_zeros(d) if model.eta_by_rows is None
                 else model.eta_by_rows[i])

        def extra(t):
            return form.moved_scores(row, model.path[t], weights[t])
        du = carry(seed.new_zeros(d, form.n_coords),
                   lambda t: form.moved_lift(model.q[t, row] / form.n, d),
                   extra, d_eta)
        return project(du) + form.moved_inner(row, model.u, seed)

    n_points = form.n - form.n_tr
    by_rows = [by_point(i) for i in range(n_points)]
    return (torch.stack(by_rows) if by_rows
            else weights.new_empty(0, weights.shape[1])), by_lambda()
