"""Shows a container its own folder at /opt/ml, where scripts with AWS's paths in them look; on Linux alone.

    python embedded_account_opt_ml.py FOLDER [COMMAND ...]

The process gets a mount namespace of its own, and a user namespace too where it may not mount otherwise. Nothing on the
machine's own /opt changes, files belong to whoever writes them, and signals, sockets and shared memory are as before.
"""

import ctypes
import os
import sys

OPT_ML = "/opt/ml"
_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000  # linux/sched.h
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000  # linux/mount.h


def enter(folder: str) -> None:
    """Show `folder` at /opt/ml to this process, which has one thread, and to those that it starts.

    Raises:
        OSError: the kernel does not allow it.
    """
    _unshare()
    _mount("none", "/", _MS_REC | _MS_PRIVATE)  # what is mounted here is not seen elsewhere
    if not os.path.isdir(OPT_ML):
        _replace_opt()
    _mount(folder, OPT_ML, _MS_BIND | _MS_REC)


def _unshare() -> None:
    """Leave the namespaces of the machine; the user and the group stay who they are."""
    user, group = os.geteuid(), os.getegid()
    try:
        _call("unshare", _CLONE_NEWNS)
    except PermissionError:
        _call("unshare", _CLONE_NEWNS | _CLONE_NEWUSER)
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)


def _replace_opt() -> None:
    """Put a folder in the place of /opt that has what is there, and an empty `ml`."""
    before = os.open("/opt", os.O_PATH)
    try:
        _mount("tmpfs", "/opt", 0, "tmpfs", "mode=755")
        for entry in os.scandir(f"/proc/self/fd/{before}"):
            _show(entry, f"/opt/{entry.name}")
        os.mkdir(OPT_ML)
    finally:
        os.close(before)


def _show(entry: "os.DirEntry[str]", target: str) -> None:
    if entry.is_symlink():
        os.symlink(os.readlink(entry.path), target)
        return
    if entry.is_dir():
        os.mkdir(target)
    else:
        os.close(os.open(target, os.O_CREAT))
    _mount(entry.path, target, _MS_BIND | _MS_REC)


def _mount(source: str, target: str, flags: int, kind: str = "none", options: str = "") -> None:
    texts = [text.encode() for text in (source, target, kind)]
    _call("mount", *texts, ctypes.c_ulong(flags), options.encode())


def _call(name: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc[name](*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


if __name__ == "__main__" and len(sys.argv) > 1:
    enter(sys.argv[1])
    if sys.argv[2:]:
        os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 (the command is the account's own)
