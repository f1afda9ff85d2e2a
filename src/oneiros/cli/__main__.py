"""`python -m oneiros.cli`."""

import sys

from oneiros.cli import main

if __name__ == "__main__":
    sys.exit(main())
