# The library of this course, and the scale that this machine carries.
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

if importlib.util.find_spec("gptcore") is None:
    folders = (Path.cwd(), *Path.cwd().parents)
    found = [str(folder) for folder in folders if (folder / "gptcore").is_dir()]
    repository = os.environ.get("GPTCORE_REPOSITORY") or next(iter(found), "")
    if not repository:
        raise RuntimeError(
            "gptcore is missing: open this notebook in the course's repository, "
            "or set GPTCORE_REPOSITORY to its address, such as git+https://..."
        )
    pip = [sys.executable, "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, repository], check=True)

from gptcore.profile import active

print(f"profile {active().name}, on {active().device}")
