"""``python -m secml_regpoison.cli``."""
import sys

from .main import main

sys.exit(main())
