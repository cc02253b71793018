"""debs.py: programs of Debian packages that only tests need, unpacked under build/ without installing anything."""
import glob
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def unpack(*packages):
    """The folder that holds their files (usr/…), or None with the reason: (folder, why)."""
    base = os.path.join(ROOT, os.environ.get("BUILD", "build"), "tests", "debs")
    root = os.path.join(base, "root")
    for package in packages:
        done = os.path.join(base, package + ".done")
        if os.path.exists(done):
            continue
        folder = os.path.join(base, package)
        os.makedirs(folder, exist_ok=True)
        os.makedirs(root, exist_ok=True)
        try:
            subprocess.run(["apt-get", "download", package], cwd=folder, check=True, capture_output=True, timeout=120)
            for file in glob.glob(os.path.join(folder, "*.deb")):
                subprocess.run(["dpkg", "-x", file, root], check=True, capture_output=True, timeout=120)
        except (OSError, subprocess.SubprocessError) as why:
            return None, "the Debian package %s cannot be had: %s" % (package, why)
        open(done, "w").close()
    return root, ""


def neovim():
    """The program, and what its environment needs; or None and why there is none."""
    if shutil.which("nvim"):
        return shutil.which("nvim"), {}
    root, why = unpack("neovim", "neovim-runtime", "libluajit-5.1-2", "libluajit-5.1-common", "libmsgpackc2", "libtermkey1",
                       "libtree-sitter0", "libunibilium4", "libvterm0", "lua-luv", "libuv1")
    if not root:
        return None, why
    libraries = glob.glob(os.path.join(root, "usr/lib/*-linux-gnu")) + glob.glob(os.path.join(root, "usr/lib/*-linux-gnu/lua/5.1"))
    return os.path.join(root, "usr/bin/nvim"), {"LD_LIBRARY_PATH": ":".join(libraries),
                                                "VIMRUNTIME": os.path.join(root, "usr/share/nvim/runtime")}


def smtp_sink():
    """Postfix's sink for mails, and what its environment needs; or None and why there is none."""
    has_icu = glob.glob("/usr/lib/*-linux-gnu/libicuuc.so.72")
    root, why = unpack("postfix", *([] if has_icu else ["libicu72"]))
    if not root:
        return None, why
    libraries = [os.path.join(root, "usr/lib/postfix"), *glob.glob(os.path.join(root, "usr/lib/*-linux-gnu"))]
    return os.path.join(root, "usr/sbin/smtp-sink"), {"LD_LIBRARY_PATH": ":".join(libraries)}


if __name__ == "__main__":
    # For a shell to evaluate: where smtp-sink is; nothing, and why on standard error, when it cannot be had.
    sink, needs = smtp_sink()
    if sink:
        print("SMTP_SINK='%s' LD_LIBRARY_PATH='%s'" % (sink, needs["LD_LIBRARY_PATH"]))
    else:
        print(needs, file=sys.stderr)
