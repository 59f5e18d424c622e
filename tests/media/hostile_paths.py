"""Paths that must never be opened. `{allowed}`, `{outside}` and `{state}` stand for folders that exist."""

from __future__ import annotations

OUTSIDE = """
{outside}/secret.png
{outside}
{outside}/
{outside}/./secret.png
{allowed}-evil/secret.png
{allowed}/../outside/secret.png
{allowed}/sub/../../outside/secret.png
{allowed}/./../outside/secret.png
{allowed}//..//outside//secret.png
../outside/secret.png
sub/../../outside/secret.png
/etc/passwd
/etc/shadow
/etc/hostname
/etc/ssh/ssh_host_rsa_key
/root/.ssh/id_rsa
/root/.bash_history
/var/log/syslog
/usr/share/pixmaps/debian-logo.png
/
/.
//
/home
/tmp
~/secret.png
~/.ssh/id_rsa
~/.aws/credentials
~
~root/.ssh/id_rsa
~nobody
~root
~+/secret.png
~-/secret.png
/mnt/user-data/uploads/cat.png
/mnt/data/cat.png
/home/oai/share/cat.png
"""

KERNEL = """
/proc/self/environ
/proc/self/cmdline
/proc/self/maps
/proc/self/mem
/proc/1/environ
/proc/self/fd/0
/proc/self/root/etc/passwd
/proc/self/cwd/secret.png
/proc/thread-self/environ
/proc/kcore
/proc/kmsg
/dev/zero
/dev/random
/dev/stdin
/dev/fd/0
/dev/tty
/dev/mem
/dev/sda
/dev/shm/x.png
/sys/kernel/notes
/sys/class/net
"""

LINKED = """
{allowed}/link-to-secret.png
{allowed}/chain.png
{allowed}/folder-link/secret.png
{allowed}/absolute-link/secret.png
{allowed}/relative-link.png
{allowed}/loop.png
{allowed}/dangling.png
{allowed}/to-null.png
{allowed}/to-environ.png
{allowed}/to-root/etc/passwd
{allowed}/to-state.png
{allowed}/hard-link-to-state.png
{allowed}/state-folder-link/jobs.db
link-to-secret.png
folder-link/secret.png
"""

STATE = """
{state}
{state}/jobs.db
{state}/jobs.db-journal
{state}/receipts.log
{state}/picture.png
{state}/inst/one.lock
{state}/./jobs.db
{state}//jobs.db
"""

NO_MEDIA_FILE = """
{allowed}
{allowed}/
{allowed}/sub
{allowed}/missing.png
{allowed}/good.png/x
{allowed}/empty.png
{allowed}/pipe.png
{allowed}/socket.png
missing.png
sub
.
"""

HIDDEN = """
{allowed}/.hidden.png
{allowed}/.ssh/good.png
{allowed}/.git/objects/good.png
{allowed}/sub/.env
{allowed}/.env
{allowed}/key.pem
{allowed}/server.key
{allowed}/id_rsa
{allowed}/id_rsa.png
{allowed}/id_ed25519
{allowed}/wallet.png
{allowed}/credentials.png
{allowed}/Passwd.PNG
{allowed}/store.kdbx
{allowed}/cert.P12
{allowed}/link-to-hidden.png
.hidden.png
"""

FOREIGN = r"""
\\host\share\cat.png
\\host\share
//host/share/cat.png
//localhost/c$/cat.png
\\?\C:\cat.png
\\.\PhysicalDrive0
\\.\pipe\name
//?/C:/cat.png
//./COM1
\??\C:\cat.png
/??/C:/cat.png
\\?\UNC\host\share\cat.png
C:cat.png
c:..\cat.png
C:
\\127.0.0.1@80\share\cat.png
https://example.com/cat.png
https:/example.com/cat.png
http://127.0.0.1/cat.png
HTTP://example.com/cat.png
ftp://example.com/cat.png
file:///etc/passwd
file:/etc/passwd
file://localhost/etc/passwd
FILE:///etc/passwd
data:image/png;base64,iVBORw0KGgo=
data:,hello
sandbox:/mnt/data/cat.png
smb://host/share/cat.png
concat:/etc/passwd|/etc/hosts
subfile:/etc/passwd
"""

UNPRINTABLE = (
    "{allowed}/good.png\0",
    "{allowed}/good.png\0.txt",
    "\0",
    "{allowed}/good\n.png",
    "{allowed}/good.png\r",
    "{allowed}/\x1b[2Jgood.png",
    "{allowed}/good\x7f.png",
    "{allowed}/good\x85.png",
    "{allowed}/good\u202egnp.png",
    "{allowed}/\u2066good\u2069.png",
    "{allowed}/good\udcff.png",
    "{allowed}/good\ue000.png",
    "",
    " ",
    "\t",
    "a" * 5000,
    "/" * 5000,
    "{allowed}/" + "a/" * 1500 + "x.png",
    "{allowed}/" + "n" * 300 + ".png",
)

WINDOWS = r"""
C:\videos\con
C:\videos\CON.png
C:\videos\aux.mp4
C:\videos\nul
C:\videos\NUL.tar.gz
C:\videos\prn .png
C:\videos\com1.png
C:\videos\COM¹.png
C:\videos\lpt9
C:\videos\conin$
C:\videos\CLOCK$
C:\con\cat.png
C:\videos\cat.png:stream
C:\videos\cat.png::$DATA
C:\videos:hidden\cat.png
C:\videos\cat.png.
C:\videos\cat.png..
C:\videos.\cat.png
C:\videos \cat.png
C:cat.png
c:folder\cat.png
C:
\videos\cat.png
/videos/cat.png
C:\videos\..\cat.png
C:/videos/../cat.png
\\server\share\cat.png
\\?\C:\videos\cat.png
\\.\C:\videos\cat.png
//server/share/cat.png
\\?\GLOBALROOT\Device\HarddiskVolume1\cat.png
\??\C:\cat.png
https://example.com/cat.png
~admin\cat.png
C:\videos\com0.png
C:\videos\LPT3.txt.png
C:\videos\aux .png
C:\videos\CONOUT$.png
C:\videos\nul:
C:\videos\nul .
C:\videos\cat.png:Zone.Identifier:$DATA
C:\videos\cat.png:
C:\videos:$I30:$INDEX_ALLOCATION\cat.png
C:\videos\cat.png . .
C:\videos\...\cat.png
C:\videos\.. \cat.png
C:\videos\cat.png\..
\\.\GLOBALROOT\Device\HarddiskVolumeShadowCopy1\cat.png
\\?\Volume{b75e2c83-0000-0000-0000-602f00000000}\cat.png
\\localhost\C$\videos\cat.png
\\127.0.0.1\pipe\cat
//?/UNC/server/share/cat.png
\/server/share/cat.png
/\server\share\cat.png
file:///C:/videos/cat.png
C:relative\..\..\cat.png
Z:
"""


def lines(block: str) -> list[str]:
    """The paths of a block, one a line."""
    return [line for line in block.splitlines() if line]


REFUSED = [
    *(
        path
        for block in (OUTSIDE, KERNEL, LINKED, STATE, NO_MEDIA_FILE, HIDDEN, FOREIGN)
        for path in lines(block)
    ),
    *UNPRINTABLE,
]
"""Refused on every POSIX system, whatever exists."""
