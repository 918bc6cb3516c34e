"""Whether a SQLite ledger may lie where it is asked to."""

from __future__ import annotations

from pathlib import Path

import psutil

from otio_bridge.errors import LedgerError

#: Shared memory and locks, which SQLite's write-ahead log lives on, do not work across these.
_NETWORK = frozenset(
    {"nfs", "nfs3", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afpfs", "afs", "webdav", "ncpfs"}
    | {"fuse.sshfs", "fuse.davfs2", "fuse.rclone", "lustre", "glusterfs", "fuse.glusterfs", "ceph", "beegfs"}
)


def refuse_network_share(path: Path) -> None:
    """Raise LedgerError where the file would lie on a network share, as far as this system can tell."""
    real = path.absolute()
    real = real.resolve() if real.exists() else real.parent.resolve() / real.name
    kind = "a UNC path" if str(real).startswith("\\\\") else filesystem_of(real)
    if kind in _NETWORK or kind == "a UNC path":
        raise LedgerError(
            f"a SQLite ledger cannot lie on a network share ({kind})",
            value=path,
            allowed="a local disk, or PostgreSQL for a team",
            next="set database_url (docs/settings.md)",
        )


def filesystem_of(path: Path) -> str:
    """The kind of file system a path is on ("ext4", "nfs4"); empty where the system does not say."""
    try:
        found = psutil.disk_partitions(all=True)
    except (OSError, psutil.Error, RuntimeError):
        return ""
    holding = [entry for entry in found if path.is_relative_to(entry.mountpoint)]
    if not holding:
        return ""
    # The last mount of the longest path is the one in force.
    longest = max(len(entry.mountpoint) for entry in holding)
    return str([entry for entry in holding if len(entry.mountpoint) == longest][-1].fstype).lower()
