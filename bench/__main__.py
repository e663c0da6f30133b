"""`make bench`: what the generator costs, beside the least that the same work could cost."""

import sys

from bench import build, scale, serve

if __name__ == "__main__":
    sys.exit(build.main() or scale.main() or serve.main())
