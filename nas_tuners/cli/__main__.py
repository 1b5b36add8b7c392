"""``python -m nas_tuners.cli``."""

import sys

from . import main

sys.exit(main())
