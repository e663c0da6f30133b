# The library of this course, and the scale that this machine carries.
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

if importlib.util.find_spec("gptcore") is None:
    folders = (Path.cwd(), *Path.cwd().parents)
    found = [folder for folder in folders if (folder / "gptcore").is_dir()]
    address = os.environ.get("GPTCORE_REPOSITORY", "").removeprefix("git+")
    if not address and not found:
        raise RuntimeError(
            "gptcore is missing: open this notebook in the course's repository, "
            "or set GPTCORE_REPOSITORY to its address, such as https://..."
        )
    folder = Path(tempfile.mkdtemp(), "course") if address else found[0]
    if address:
        clone = ["git", "clone", "--quiet", "--depth", "1", address, str(folder)]
        subprocess.run(clone, check=True)
    # What gptcore imports; the library itself is taken from the folder as it is.
    pip = [sys.executable, "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, f"{folder}[gpt]"], check=True)
    sys.path.insert(0, str(folder))

from gptcore.profile import active

print(f"profile {active().name}, on {active().device}")
