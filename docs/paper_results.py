"""Put the results of `secml-regpoison paper` into docs/paper.md.

    python docs/paper_results.py DIR [DIR ...]

The fenced block under ``<!-- NAME.txt -->`` becomes that file, that under
``<!-- times.txt -->`` the sums of what the attacks took, and the pictures
shown become those of the same name, in fewer colours. What no DIR has stays as
it is.
"""
import csv
import re
import sys
from pathlib import Path

from PIL import Image

from secml_regpoison.experiment.statistics import COSTS
from secml_regpoison.experiment.tables import as_text

HERE = Path(__file__).parent
BLOCK = re.compile(r'(<!-- ([\w.]+) -->\n```text\n).*?(?=^```$)', re.M | re.S)
# Of the others the attacks are these figures', or take seconds.
TIMED = 'fig2_rmd', 'fig2_implicit', 'limits_rmd', 'inner'
PICTURE = re.compile(r'\]\((paper/(\w+\.png))\)')


def newest(name, folders):
    """Path of a result in the last of the folders that has it, or None."""
    paths = [Path(folder, name) for folder in folders]
    return next((path for path in reversed(paths) if path.is_file()), None)


def times(folders):
    """Text of what the attacks took, a line a CSV."""
    lines = []
    for name in TIMED:
        path = newest(f'{name}.csv', folders)
        if path is None:
            continue
        with open(path, newline='', encoding='utf-8') as stream:
            rows = list(csv.DictReader(stream))
        count, seconds, cpu = (sum(float(row[column]) for row in rows)
                               for column in COSTS)
        splits = len({row['repetition'] for row in rows})
        lines.append((name, f'{splits}', f'{len(rows)}', f'{count:.0f}',
                      f'{seconds:.0f}', f'{cpu:.0f}', f'{cpu / 120:.1f}'))
    return as_text(('', 'splits', 'strengths', 'hypergradients',
                    'seconds, summed', 'CPU seconds',
                    'minutes on two idle cores'), lines) + '\n'


def fill(page, folders):
    """The text of a page, its blocks filled."""
    def replace(found):
        path = newest(found[2], folders)
        if path is not None:
            return found[1] + path.read_text(encoding='utf-8')
        return found[1] + times(folders) if found[2] == 'times.txt' \
            else found[0]
    return BLOCK.sub(replace, page)


def main(folders):
    path = HERE / 'paper.md'
    page = fill(path.read_text(encoding='utf-8'), folders)
    path.write_text(page, encoding='utf-8')
    for target, name in PICTURE.findall(page):
        picture = newest(name, folders)
        if picture is not None:
            # 150 dpi in 128 colours: legible, and under 200 kB
            Image.open(picture).convert('RGB').quantize(
                128, dither=Image.Dither.NONE).save(
                HERE / target, optimize=True)


if __name__ == '__main__':
    main(sys.argv[1:])
