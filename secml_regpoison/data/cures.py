"""What to do about a column of text: numbers in another form, or words."""
import re
import shlex

from secml_regpoison.terminal import shorten
from .detect import GROUPED, NUMBER

MAX_VALUES = 100  # different texts of a column
MAX_CODES = 20  # of a column with numbers among them
# what to do about infinite cells, and about the text in columns
INFINITE = 'write nan there and type --missing drop'
CORRECT = 'Correct these cells of {}, or empty them and type --missing drop'
REWRITE = ('They are numbers in another form. Write the numbers of {} without '
           'units and separators of thousands, with plain signs, as ')
EXAMPLES = {'.': '-1234.5 or 1.2e-3 (a decimal comma: --decimal ,)',
            ',': '-1234,5 or 1,2e-3 (a decimal point: --decimal .)'}
CATEGORIES = 'Type --categories to make a 0/1 column of each text of {}'
IF_CODES = ('If they are codes, type --categories to make a 0/1 column of '
            'each; if not, ')
TOO_MANY = 'Too many different texts for 0/1 columns: {}; write numbers'


def find_cure(bad, texts, values, categories, decimal):
    """What to do about a column with text in the `bad` ones of its cells;
    codes such as 1, 2, A are categories where these are asked for."""
    others = texts[bad].unique()
    is_code = categories and len(values) <= MAX_CODES and bad.mean() > .05
    cure = CORRECT if bad.mean() < .5 and not is_code else \
        CATEGORIES if are_few(values, len(texts)) else TOO_MANY
    if all(map(_has_unit_or_groups, others)) or (
            cure != CATEGORIES and _have_units(others)
            or not (categories and cure == CATEGORIES)
            and all(map(_is_formatted_number, others))):
        cure = REWRITE + EXAMPLES[decimal]
    if not categories and cure != CATEGORIES and CATEGORIES == find_cure(
            bad, texts, values, True, decimal):
        cure = IF_CODES + cure[0].lower() + cure[1:]
    return cure


def are_few(values, n_rows):
    """Whether these may be the categories of a column."""
    return len(values) <= min(MAX_VALUES, max(n_rows / 2, 2))


def _has_unit_or_groups(text):
    """Whether a number has a unit or separators of thousands, or neither."""
    text = re.sub(r'^[€$£]\s*|\s*[%€$£]$|(?<=\d)\s(?=\d{3})', '', text)
    return bool(NUMBER.match(text) or GROUPED.match(text))


def _is_formatted_number(text):
    """Whether a number has a unit, or separators of thousands, also as in
    Switzerland or India, a typographic minus, brackets for a minus, or an
    exponent as in 1.5D-3 of Fortran."""
    text = re.sub(r'^\((.*)\)$|^[\u2010-\u2013\u2212]', r'\1', text)
    text = re.sub(r"(?<=\d)['\u2019](?=\d{3})", '', text)
    text = re.sub(r'(?<=\d),(?=(\d\d\d?,)*\d{3}(\.|$))', '', text)
    return _has_unit_or_groups(
        re.sub(r'^([^a-z]*\.\d*)d', r'\1e', text, flags=re.IGNORECASE))


def _have_units(texts):
    """Whether each is a number and one of up to three words."""
    found = [re.fullmatch(r'(\S*\d)\s*([^\W\d_]+)', text) for text in texts]
    return all(match and _is_formatted_number(match[1]) for match in found) \
        and len({match[2] for match in found}) <= 3


def list_names(names, most=8):
    """Names for a sentence."""
    names = [f'`{name}`' for name in names]
    more = len(names) - most
    return ', '.join(names[:most]) + (f' and {more} more' if more > 0 else '')


def column_of(name):
    """A column in a sentence; some names are 'column 3'."""
    return name if name.startswith('column ') else f'column `{name}`'


def drop_option(names):
    """What to type in a shell to leave columns out."""
    return f"--drop {shlex.quote(','.join(names))}"


def refuse_text(refused, where, doubt):
    """Raise ValueError that names the columns, a line, and the cures; first
    what a `doubt` about the label, a sentence, advises."""
    name, (bad, texts, _) = next(iter(refused.items()))
    i = int(bad.argmax())
    cures = [f'{doubt[0].upper()}{doubt[1:]}.'] if doubt else []
    for cure in dict.fromkeys(cure for *_, cure in refused.values()):
        names = [name for name in refused if refused[name][-1] == cure]
        cures.append(f'{cure.format(list_names(names))}, or leave '
                     f"{'it' if len(names) == 1 else 'them'} out with "
                     f'{drop_option(names)}.')
    raise ValueError(
        f'{where(i)}: {column_of(name)} must hold numbers, got '
        f'{shorten(texts.iloc[i])!r}, and text in {bad.sum()} of {len(bad)} '
        f"cells. {' '.join(cures)}")
