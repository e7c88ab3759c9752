"""The palette: a policy looks the same everywhere, two never look alike."""
import warnings

import pytest

from matplotlib import rcParams
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from secml_regpoison.figure.style import (
    OTHER_STYLES, OWN, POLICY_STYLES, figure_legend, legend_below,
    policy_label, policy_styles, save_picture)

LOOK = 'color', 'marker'


def with_own(policies):
    return (*policies, *(f'{policy}{OWN}' for policy in policies))


def looks(policies):
    return [tuple(style[name] for name in LOOK)
            for style in policy_styles(policies).values()]


@pytest.mark.parametrize('others', [
    (), ('learned',), ('clean-cv', 'learned'), ('-2', 'learned', '3')])
def test_a_policy_looks_the_same_in_every_picture(others):
    for policy, like in (('learned', 'learned'), ('clean-cv', 'clean-cv'),
                         ('-8', 'small'), ('6.9', 'large')):
        styles = policy_styles(dict.fromkeys((*others, policy)))
        assert styles[policy] == POLICY_STYLES[like]


@pytest.mark.parametrize('policies', [
    tuple(POLICY_STYLES), ('-8', '-7', '-2', '0', '5', 'clean-cv', 'learned'),
    tuple(map(str, range(-8, 12))),
    ('-8', '-4', '-2', '0', '2', '4', '8', 'clean-cv', 'learned',
     'trusted-only', 'learned-trust'),
    ('clean-cv', 'learned', 'trusted-only', 'learned-trust',
     *map(str, range(-8, 12))),
    with_own(('-8', '-2', '0', '2', '4', '8', 'clean-cv', 'learned',
              'trusted-only', 'learned-trust')),
    (*POLICY_STYLES, '0'),
    ('-8', 'learned', '-8-own', 'learned-own'),
    ('small', -8., 'small-own'), (3., 'large', -8., '-8.0-own'),
    ('small-own', '-8'), ('-8.0-own',)])
def test_no_two_policies_look_alike(policies):
    assert list(policy_styles(policies)) == list(policies)
    assert len({*looks(policies)}) == len(policies)


def test_of_two_lambdas_of_a_size_the_negative_one_comes_first():
    """Not the one that a set has first, which differs between processes."""
    styles = policy_styles(('8', '-8', '-2', '2', 'small', 'large'))
    taken = {styles[policy]['color'] for policy in ('small', 'large')}
    spare = sorted(OTHER_STYLES, key=lambda style: style['color'] in taken)
    assert [styles[policy]['color'] for policy in ('-8', '8', '-2', '2')] == [
        style['color'] for style in spare[:4]]


@pytest.mark.parametrize('title, said', [
    ('größe λ \n$x$ \u2212', None), ('猫 v 犬', '犬, 猫'),
    ('abc猫猫犬鳥魚虫花', '犬, 猫, 花, 虫, 魚 and others')])
def test_signs_that_the_font_does_not_have_take_one_line(
        title, said, tmp_path, capsys):
    fig = Figure()
    fig.suptitle(title)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        save_picture(fig, str(tmp_path / 'sec_eval'))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == bool(said)
    if said:
        assert (f'the font of the picture sec_eval has no {said}: in a file '
                'matplotlibrc') in lines[0]


def test_a_font_may_have_what_the_first_one_has_not(
        tmp_path, monkeypatch, capsys):
    """That of mathematical letters, which comes with matplotlib."""
    fig, sign = Figure(), '\U0001D49C'
    fig.suptitle(sign)
    save_picture(fig, str(tmp_path / 'a'))
    assert f'has no {sign}: ' in capsys.readouterr().err
    monkeypatch.setitem(
        rcParams, 'font.family', ['DejaVu Sans', 'STIXGeneral'])
    fig, sign = Figure(), '\U0001D49C'
    fig.suptitle(sign)
    save_picture(fig, str(tmp_path / 'a'))
    assert not capsys.readouterr().err


def test_a_fixed_lambda_is_named_by_its_value():
    assert policy_label('-8') == r'$\lambda = -8$'
    assert policy_label('-8-own').startswith(r'$\lambda = -8$, attacker')


def test_an_attack_at_one_strength_is_a_star_of_its_policy():
    styles = policy_styles(('-8', 'learned', '-8-own', 'learned-own'))
    for policy in ('-8', 'learned'):
        star = styles[f'{policy}-own']
        assert star['color'] == styles[policy]['color']
        assert (star['marker'], star['linestyle']) == ('*', 'none')


def test_lambda_zero_is_neither_small_nor_large():
    """lambda = 0 had the look of 'large' where no positive one was drawn."""
    taken = looks(('small', 'large'))
    assert not set(looks(('-8', '0', 'learned'))[1:2]) & set(taken)


def test_curves_without_a_policy_look_like_none():
    other, policies = ([tuple(style[name] for name in LOOK)
                        for style in styles]
                       for styles in (OTHER_STYLES, POLICY_STYLES.values()))
    assert len({*other}) == 40 and not {*other} & {*policies}
    assert len({(style['marker'], style['linestyle'])
                for style in OTHER_STYLES[:20]}) == 20


@pytest.mark.parametrize('width', [4, 5.4, 13.8])
def test_the_legend_of_a_figure_is_in_it(width):
    fig = Figure(figsize=(width, 5), layout='constrained')
    FigureCanvasAgg(fig)
    ax = fig.subplots()
    for k in range(4):
        ax.plot([k], label=f'{k}: a rather long name of a curve')
    figure_legend(fig, ax, 13 * 'a title ')
    fig.canvas.draw()
    legend, = fig.legends
    box = legend.get_window_extent()
    assert box.x0 >= 0 and box.x1 <= fig.bbox.x1 and box.y0 >= 0
    assert not box.overlaps(ax.xaxis.get_tightbbox())
    assert ('\n' in legend.get_title().get_text()) == (width < 13)
    assert {4: 1, 5.4: 1, 13.8: 4}[width] == legend._ncols


@pytest.mark.parametrize('width, height, n_axes, n_columns', [
    (4, 5, 1, 1), (7, 5, 1, 2), (7, 5, 2, 1), (4, 1.2, 1, 2),
    (11, 5, 3, 1)])
def test_the_legend_below_axes_has_as_many_columns_as_fit(
        width, height, n_axes, n_columns):
    fig = Figure(figsize=(width, height))
    FigureCanvasAgg(fig)
    ax = fig.subplots(1, n_axes, squeeze=False)[0, n_axes // 2]
    lines = [ax.plot([k], label=f'{k}: a rather long name of a curve')[0]
             for k in range(4)]
    legend_below(ax, lines)
    legend = ax.get_legend()
    assert legend._ncols == n_columns
    fig.canvas.draw()
    box = legend.get_window_extent()
    # one column of a low figure would leave no axes
    assert height < 2 or box.x0 >= 0 and box.x1 <= fig.bbox.x1


def test_a_pdf_does_not_say_when_it_was_made(tmp_path):
    save_picture(Figure(figsize=(1, 1)), str(tmp_path / 'a'), ('pdf',))
    assert b'CreationDate' not in (tmp_path / 'a.pdf').read_bytes()
