"""npm.py: packages of npm that only tests need, installed under build/."""
import os
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def install(*packages):
    """`name@version`, and what it wants beside it: the folder with node_modules, or None with the reason."""
    package = " ".join(packages)
    folder = os.path.join(ROOT, os.environ.get("BUILD", "build"), "npm",
                          package.strip("@").replace("/", "_").replace(" ", "+"))
    if os.path.exists(os.path.join(folder, "done")):
        return folder, ""
    if not shutil.which("npm"):
        return None, "npm is not there"
    os.makedirs(folder, exist_ok=True)
    try:
        run = subprocess.run(["npm", "install", "--prefix", folder, "--no-audit", "--no-fund", *packages], cwd=folder,
                             capture_output=True, text=True, timeout=240)
    except subprocess.SubprocessError as why:
        return None, "npm install %s: %s" % (package, why)
    if run.returncode != 0:
        return None, "npm install %s: %s" % (package, run.stderr.strip().splitlines()[-1:])
    open(os.path.join(folder, "done"), "w").close()
    return folder, ""
