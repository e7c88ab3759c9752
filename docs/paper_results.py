"""Put the results of `secml-regpoison paper` into docs/paper.md.

    python docs/paper_results.py DIR [DIR ...]

The fenced block under ``<!-- NAME.txt -->`` becomes that file without its last
line, the seconds of a run that others may have begun. The pictures shown
become those of the same name, in fewer colours. What no DIR has stays.
"""
import re
import sys
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
BLOCK = re.compile(r'(<!-- ([\w.]+) -->\n```text\n).*?(?=^```$)', re.M | re.S)
PICTURE = re.compile(r'\]\((paper/(\w+\.png))\)')


def newest(name, folders):
    """Path of a result in the last of the folders that has it, or None."""
    paths = [Path(folder, name) for folder in folders]
    return next((path for path in reversed(paths) if path.is_file()), None)


def fill(page, folders):
    """The text of a page, its blocks filled."""
    def replace(found):
        path = newest(found[2], folders)
        if path is None:
            return found[0]
        return found[1] + path.read_text(encoding='utf-8').rpartition(
            '\n\n')[0] + '\n'
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
