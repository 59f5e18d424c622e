"""Which folders are on a network drive or shared with another system: by what Linux, macOS and Windows say of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from seedance_mcp.errors import StoreError
from seedance_mcp.store.database import open_store
from seedance_mcp.store.machine import network_drives
from seedance_mcp.store.machine.network_drives import (
    find_share,
    share_on_linux,
    share_on_macos,
    share_on_windows,
)

ROOT = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw"

MACOS = """\
/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
devfs on /dev (devfs, local, nobrowse)
/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse, protect)
map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)
//ann@nas.local/My%20Films on /Volumes/My Films (smbfs, nodev, nosuid, mounted by ann)
server:/export/x on /private/tmp/x (nfs, nodev, nosuid)
ann@host: on /Volumes/far away (macfuse, nodev, nosuid, synchronous, mounted by ann)
vault on /Volumes/vault (macfuse, local, nodev, nosuid, synchronous, mounted by ann)
/dev/disk5s2 on /Volumes/Stick (one) (exfat, local, nodev, nosuid, noowners)
/dev/disk6s1 on /Volumes/cat on /roof (apfs, local, nodev, nosuid, journaled)
https://dav.example/x on /Volumes/Café (webdav, nodev, noexec, nosuid, mounted by ann)
"""


def linux(folder: str, *lines: str) -> str | None:
    found = share_on_linux(folder, "\n".join((ROOT, *lines, "")).encode())
    return found and found.kind


@pytest.mark.parametrize(
    "kind",
    [
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.ceph-fuse", "glusterfs", "fuse.glusterfs",
        "fuse.sshfs", "fuse.rclone", "fuse.s3fs", "gcsfuse", "fuse.gcsfuse", "davfs", "fuse.davfs2", "lustre", "beegfs",
        "gpfs", "vboxsf", "fuse.vboxsf", "drvfs", "prl_fs", "virtiofs", "vmhgfs", "fuse.vmhgfs-fuse", "fakeowner",
    ],
)  # fmt: skip
def test_each_of_these_file_systems_is_a_share(kind: str) -> None:
    assert linux("/mnt/there/state", f"40 27 0:50 / /mnt/there rw shared:3 - {kind} host:/x rw") == kind


@pytest.mark.parametrize(
    "kind",
    ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "fuseblk", "exfat", "f2fs", "fuse", "fuse.gocryptfs"],
)
def test_a_local_file_system_is_none(kind: str) -> None:
    assert linux("/mnt/there/state", f"40 27 0:50 / /mnt/there rw - {kind} /dev/sdb1 rw") is None


@pytest.mark.parametrize("source", ["s3fs", "https://dav.example/files", "ann@host:/x", "gcsfuse"])
def test_a_share_without_a_type_of_its_own_is_known_by_its_source(source: str) -> None:
    line = "40 27 0:50 / /mnt/there rw - {} {} rw"
    assert linux("/mnt/there", line.format("fuse", source)) == "fuse"
    assert linux("/mnt/there", line.format("ext4", source)) is None


@pytest.mark.parametrize(
    ("place", "folder"),
    [
        (r"/mnt/my\040films", "/mnt/my films/state"),
        (r"/mnt/tab\011line\012back\134slash", "/mnt/tab\tline\nback\\slash"),
        (r"/mnt/caf\303\251", "/mnt/café/x"),
        ("/mnt/café", "/mnt/café/x"),
    ],
)
def test_a_place_with_blanks_and_other_escapes_is_read(place: str, folder: str) -> None:
    assert linux(folder, f"40 27 0:50 / {place} rw - nfs4 host:/x rw") == "nfs4"


def test_a_name_that_only_begins_alike_is_another_place() -> None:
    line = "40 27 0:50 / /mnt/there rw - nfs4 host:/x rw"
    assert linux("/mnt/there", line) == "nfs4"
    assert linux("/mnt/therefore", line) is None
    assert linux("/mnt", line) is None


def test_a_local_disk_below_a_share_and_a_share_below_a_local_disk_are_told_apart() -> None:
    lines = (
        "40 27 0:50 / /home rw - nfs4 host:/home rw",
        "41 40 254:1 / /home/ann/local rw - ext4 /dev/vdb rw",
        "42 41 0:51 / /home/ann/local/far rw - fuse.sshfs bob@host:/ rw",
    )
    assert linux("/home/ann", *lines) == "nfs4"
    assert linux("/home/ann/local/state", *lines) is None
    assert linux("/home/ann/local/far/state", *lines) == "fuse.sshfs"


def test_a_folder_of_a_share_that_is_bound_elsewhere_is_still_on_the_share() -> None:
    share = "40 27 0:50 / /net/home rw - nfs4 host:/home rw"
    assert linux("/data/state", share, "41 27 0:50 /ann /data rw - nfs4 host:/home rw") == "nfs4"


def test_what_a_later_mount_hides_does_not_count() -> None:
    hidden = "40 27 0:50 / /data/state rw - nfs4 host:/x rw"
    assert linux("/data/state", hidden, "41 27 254:1 / /data rw - ext4 /dev/vdb rw") is None
    over = "42 40 254:2 / /data/state rw - ext4 /dev/vdc rw"
    assert linux("/data/state", hidden, over) is None
    assert linux("/data/state", over, hidden) is None


def test_an_automatic_mount_is_judged_by_what_was_mounted_there() -> None:
    waiting = "40 27 0:50 / /net rw - autofs systemd-1 rw"
    assert linux("/net/state", waiting) is None
    assert linux("/net/state", waiting, "41 40 0:51 / /net rw - nfs4 host:/x rw") == "nfs4"


@pytest.mark.parametrize(
    "text", ["", "\n\n", "nonsense", "1 2 3", "a b 0:1 / / rw - nfs x rw", "1 1 0:1 / /"]
)
def test_a_table_that_cannot_be_read_says_nothing(text: str) -> None:
    assert share_on_linux("/state", text.encode()) is None


def test_a_system_without_its_root_in_the_table_is_still_judged() -> None:
    table = b"40 99 0:50 / /data rw - nfs4 host:/x rw\n41 99 0:51 / /home rw - ext4 /dev/vdb rw\n"
    assert share_on_linux("/home/ann", table) is None
    assert share_on_linux("/data/ann", table) is not None


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/Users/ann/Library/Application Support/seedance-mcp", None),
        ("/Volumes/My Films/state", "smbfs"),
        ("/Volumes/my films/state", "smbfs"),
        ("/Volumes/My Films 2", None),
        ("/private/tmp/x", "nfs"),
        ("/private/tmp/xy", None),
        ("/Volumes/far away", "macfuse"),
        ("/Volumes/vault", None),
        ("/Volumes/Stick (one)/state", None),
        ("/Volumes/cat on /roof/state", None),
        ("/Volumes/Cafe\u0301/state", "webdav"),
        ("/System/Volumes/Data/home/ann", "autofs"),
    ],
)
def test_macos_says_itself_what_is_local(folder: str, kind: str | None) -> None:
    found = share_on_macos(folder, MACOS)
    assert (found and found.kind) == kind


def test_a_mac_that_says_nothing_is_not_doubted() -> None:
    assert share_on_macos("/Users/ann", "") is None
    assert share_on_macos("/Users/ann", "mount: something went wrong\n") is None


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        (r"C:\Users\ann\AppData\Local\seedance-mcp", None),
        ("c:/Users/ann", None),
        (r"Z:\state", "mapped drive Z:"),
        (r"\\?\Z:\state", r"mapped drive Z:"),
        (r"\\?\C:\state", None),
        (r"\\nas\films\state", "UNC path"),
        ("//nas/films/state", "UNC path"),
        (r"\\?\UNC\nas\films\state", "UNC path"),
        (r"\\?\unc\nas\films\state", "UNC path"),
        (r"\\wsl.localhost\Ubuntu\home\ann", "UNC path"),
        (r"\\?\Volume{01234567-89ab-cdef-0123-456789abcdef}\state", None),
    ],
)
def test_windows_knows_its_mapped_drives(folder: str, kind: str | None) -> None:
    found = share_on_windows(folder, lambda drive: {"C:\\": 3, "c:\\": 3, "Z:\\": 4}[drive])
    assert (found and found.kind) == kind


@pytest.mark.skipif(sys.platform != "linux", reason="reads the mount table of Linux")
def test_a_state_folder_on_a_share_whose_path_holds_a_blank_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, table = tmp_path / "my films" / "state", tmp_path / "mountinfo"
    place = str(tmp_path / "my films").replace(" ", r"\040")
    table.write_text(f"{ROOT}\n40 27 0:50 / {place} rw - fuse.s3fs s3fs rw\n", "utf-8")
    monkeypatch.setattr(network_drives, "_MOUNT_TABLE", table)
    with pytest.raises(StoreError, match=r"mounted over the network \(fuse\.s3fs\)") as caught:
        open_store(folder)
    assert "SEEDANCE_STATE_DIR" in caught.value.hint
    assert not (folder / "jobs.db").exists()
    (tmp_path / "local").symlink_to(tmp_path / "my films")
    with pytest.raises(StoreError, match="mounted over the network"):
        open_store(tmp_path / "local" / "other")
    open_store(tmp_path / "state").close()


@pytest.mark.skipif(sys.platform != "linux", reason="reads the mount table of Linux")
def test_the_mount_table_of_this_machine_can_be_read() -> None:
    assert find_share(Path("/proc")) is None
    assert network_drives._mount(network_drives._MOUNT_TABLE.read_bytes().splitlines()[0]) is not None
