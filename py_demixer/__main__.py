"""``python -m py_demixer``: the command line."""

import sys

from .cli import main

sys.exit(main())
