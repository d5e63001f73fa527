"""Run the command line with `python -m nato_stance`."""

import sys

from nato_stance.cli import main

sys.exit(main())
