"""`make bench`: what the generator costs, beside the least that the same work could cost.

`python -m bench precision` says how many cells an edit re-executes, and takes minutes by itself.
"""

import sys

from bench import build, precision, scale, serve

if __name__ == "__main__":
    if sys.argv[1:2] == ["precision"]:
        sys.exit(precision.main(sys.argv[2:]))
    sys.exit(build.main() or scale.main() or serve.main())
