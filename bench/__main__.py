"""`make bench`: what the generator costs, beside the least that the same work could cost."""

import sys

from bench.build import main

if __name__ == "__main__":
    sys.exit(main())
