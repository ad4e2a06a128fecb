"""`python -m authbench` is `authbench`."""

import sys

from authbench.cli import main

if __name__ == "__main__":
    sys.exit(main())
