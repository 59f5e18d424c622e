"""Folders with one good picture that may be read, secrets around it, and every kind of way from it to them."""

from __future__ import annotations

import os
import socket
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.media.crafting import picture

DEEP = 6
HOPS = (2, 8, 39, 41, 1500)

LEVELS = tuple(
    f"{{allowed}}/tree{level}/" + "/".join(map(str, range(1, DEEP))) + "/secret.png"
    for level in range(DEEP + 1)
)
"""A path of which each part in turn is a link to what lies outside."""

CHAINS = (
    *(f"{{allowed}}/hops{count}/last.png" for count in HOPS),
    "{allowed}/ring/a.png",
    "{allowed}/ring/self/self/self/a.png",
    "{allowed}/swapped/up.png",
    "{allowed}/swapped/absolute-up.png",
    "{allowed}/swapped/double-slash.png",
    "{allowed}/swapped/through-good.png",
    "{allowed}/swapped/newline.png",
    "{allowed}/swapped/home.png",
    "{allowed}/swapped/missing-outside/secret.png",
    "{allowed}/swapped/evil-twin/secret.png",
    "{allowed}/swapped/hidden.png",
    "{allowed}/swapped/hidden-folder/good.png",
    "{allowed}/swapped/key.png",
)
"""Links to links, rings, and links that lead out in other words, or to what may not be read inside."""

SPECIAL = tuple(
    "{allowed}/special/" + name
    for name in (
        "null.png", "zero.png", "full.png", "random.png", "tty.png", "block.png", "memory.png",
        "fifo.mp4", "fifo-link.mp4", "socket.mp4", "socket-link.mp4", "folder.png", "folder.png/", "folder-link.png",
        "empty.mp4", "empty-link.png", "gone.png", "null.png/x", "fifo.mp4/x", "socket.mp4/..",
    )
)  # fmt: skip
"""What is no regular file, or has nothing in it; devices are there only where they can be made."""

_DEVICES = {
    "null.png": (stat.S_IFCHR, 1, 3),
    "zero.png": (stat.S_IFCHR, 1, 5),
    "full.png": (stat.S_IFCHR, 1, 7),
    "random.png": (stat.S_IFCHR, 1, 8),
    "memory.png": (stat.S_IFCHR, 1, 1),
    "tty.png": (stat.S_IFCHR, 5, 0),
    "block.png": (stat.S_IFBLK, 7, 0),
}


@dataclass(frozen=True)
class World:
    """The folders. `videos` is where results go, below the allowed one."""

    root: Path

    @property
    def allowed(self) -> Path:
        return self.root / "allowed"

    @property
    def outside(self) -> Path:
        return self.root / "outside"

    @property
    def state(self) -> Path:
        return self.root / "allowed/sub/state"

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def secret(self) -> Path:
        return self.outside / "secret.png"

    def named(self, text: str, **more: object) -> str:
        """The path with the folders in it."""
        words = {name: getattr(self, name) for name in ("allowed", "outside", "state", "home", "root")}
        for word, value in (words | more).items():
            text = text.replace("{" + word + "}", str(value))
        return text


def build(root: Path) -> World:
    """Make the folders and everything in them that is not a picture's own content."""
    world = World(root)
    allowed = world.allowed
    for path in (
        allowed / "good.png",
        allowed / "sub/inner.png",
        allowed / "sub/deep/inner.png",
        allowed / "frame001.png",
        world.secret,
        world.root / "allowed-evil/secret.png",
        world.home / "secret.png",
        world.home / "videos/secret.png",
        world.state / "picture.png",
        world.state / "instances/picture.png",
    ):
        picture(path, (640, 480))
    for name in [
        ".hidden.png",
        ".ssh/good.png",
        ".git/objects/good.png",
        ".env",
        "sub/.env",
        "key.pem",
        "server.key",
        "id_rsa",
        "id_rsa.png",
        "ID_RSA",
        "SERVER.PEM",
        "id_ed25519",
        "wallet.png",
        "credentials.png",
        "Passwd.PNG",
        "store.kdbx",
        "cert.P12",
        "server.\u212aEY",
    ]:
        (allowed / name).parent.mkdir(parents=True, exist_ok=True)
        (allowed / name).write_bytes((allowed / "good.png").read_bytes())
    (world.home / ".ssh").mkdir()
    (world.home / ".ssh/id_rsa").write_text("a key of the person")
    (allowed / "empty.png").touch()
    _links(world)
    _trees(world)
    _chains(world)
    _special(allowed / "special")
    os.mkfifo(allowed / "pipe.png")
    _bind(allowed / "socket.png")
    return world


def _links(world: World) -> None:
    allowed = world.allowed
    for name, target in (
        ("link-to-secret.png", world.secret),
        ("chain.png", allowed / "link-to-secret.png"),
        ("folder-link", world.outside),
        ("absolute-link", Path("/proc/self/cwd")),
        ("relative-link.png", Path("../outside/secret.png")),
        ("loop.png", allowed / "loop.png"),
        ("dangling.png", world.outside / "nothing.png"),
        ("to-null.png", Path("/dev/null")),
        ("to-zero.png", Path("/dev/zero")),
        ("to-stdin.png", Path("/dev/stdin")),
        ("to-tty.png", Path("/dev/tty")),
        ("to-sys", Path("/sys/kernel/notes")),
        ("to-proc", Path("/proc")),
        ("to-dev", Path("/dev")),
        ("to-environ.png", Path("/proc/self/environ")),
        ("to-root", Path("/")),
        ("to-state.png", world.state / "picture.png"),
        ("state-folder-link", world.state),
        ("state-parent-link", allowed / "sub"),
        ("link-to-hidden.png", allowed / ".hidden.png"),
        ("by-process", Path(f"/proc/{os.getpid()}/root{world.root}")),
        ("../home/state-link", world.state),
        ("../home/link-to-outside", world.outside),
    ):
        (allowed / name).symlink_to(target)
    for name in ("hard-link-to-state.png", "sub/deep/hard-link-to-picture.png"):
        (allowed / name).hardlink_to(world.state / "picture.png")


def _trees(world: World) -> None:
    names = [*map(str, range(1, DEEP)), "secret.png"]
    for level in range(DEEP + 1):
        whole = Path(f"tree{level}", *names)
        picture(world.outside / whole)
        held, rest = Path(*whole.parts[:level]), whole.parts[level]
        (world.allowed / held).mkdir(parents=True, exist_ok=True)
        (world.allowed / held / rest).symlink_to(world.outside / held / rest)


def _chains(world: World) -> None:
    for count in HOPS:
        folder = world.allowed / f"hops{count}"
        folder.mkdir()
        target = world.secret
        for number in range(count - 1):
            (folder / f"{number}.png").symlink_to(target)
            target = folder / f"{number}.png"
        (folder / "last.png").symlink_to(target)
    ring, swapped = world.allowed / "ring", world.allowed / "swapped"
    ring.mkdir()
    swapped.mkdir()
    for name, target in (
        (ring / "a.png", "b.png"),
        (ring / "b.png", "c.png"),
        (ring / "c.png", "a.png"),
        (ring / "self", "."),
        (swapped / "up.png", "../../outside/secret.png"),
        (swapped / "absolute-up.png", f"{world.allowed}/../outside/secret.png"),
        (swapped / "double-slash.png", f"//{world.secret}"),
        (swapped / "through-good.png", "../sub/../../outside/secret.png"),
        (swapped / "newline.png", f"{world.secret}\n"),
        (swapped / "home.png", "~/secret.png"),
        (swapped / "missing-outside", f"{world.outside}/missing"),
        (swapped / "evil-twin", f"{world.root}/allowed-evil"),
        (swapped / "hidden.png", "../.hidden.png"),
        (swapped / "hidden-folder", "../.ssh"),
        (swapped / "key.png", "../server.key"),
    ):
        name.symlink_to(target)


def _special(folder: Path) -> None:
    folder.mkdir()
    for name, (kind, major, minor) in _DEVICES.items():
        with suppress(PermissionError):
            os.mknod(folder / name, kind | 0o666, os.makedev(major, minor))
    os.mkfifo(folder / "fifo.mp4")
    _bind(folder / "socket.mp4")
    (folder / "folder.png").mkdir()
    (folder / "empty.mp4").touch()
    for name, target in (
        ("fifo-link.mp4", "fifo.mp4"),
        ("socket-link.mp4", "socket.mp4"),
        ("folder-link.png", "folder.png"),
        ("empty-link.png", "empty.mp4"),
    ):
        (folder / name).symlink_to(target)


def _bind(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's name must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path.name)
    os.chdir(here)
