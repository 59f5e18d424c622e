"""
Paths that an assistant may name and that nothing may be read from, by what is hostile about them.

`{allowed}`, `{outside}`, `{state}`, `{home}` and `{root}` are folders of `paths_world`; `{fd}` is a descriptor of a
secret that is open in the server's process, `{good}` one of a picture that may be read, `{pid}` that process,
`{job}` a finished job.
"""

from __future__ import annotations

from tests.media.hostile_paths import REFUSED

from .paths_files import FILES
from .paths_world import CHAINS, LEVELS, SPECIAL

TRAVERSAL = r"""
{allowed}/..
{allowed}/sub/..
{allowed}/sub/deep/../../../outside/secret.png
{allowed}/good.png/..
{allowed}/good.png/../../outside/secret.png
{allowed}/missing/../../outside/secret.png
{allowed}/folder-link/../outside/secret.png
{allowed}/pipe.png/../../outside/secret.png
{allowed}/.../outside/secret.png
{allowed}/....//....//outside/secret.png
{allowed}/..;/outside/secret.png
{allowed}/.. /outside/secret.png
{allowed}/%2e%2e/outside/secret.png
{allowed}/..%2foutside%2fsecret.png
{allowed}/%252e%252e/outside/secret.png
{allowed}/..%c0%afoutside/secret.png
{allowed}/..\outside\secret.png
{allowed}/‥/outside/secret.png
{allowed}/․․/outside/secret.png
{allowed}/．．/outside/secret.png
{allowed}/..∕outside∕secret.png
{allowed}/．．／outside／secret.png
{allowed}{outside}/secret.png
{root}/./outside/./secret.png
{root}//outside///secret.png
{root}/allowed./good.png
{root}/allowed /good.png
{root}/allowedx/good.png
sub/deep/../../../outside/secret.png
./../outside/secret.png
"""

ELSEWHERE = r"""
{home}
{home}/secret.png
{home}/.ssh/id_rsa
{home}/.config/seedance-mcp/config.toml
~/./secret.png
~//secret.png
~\secret.png
~/../outside/secret.png
~/link-to-outside/secret.png
~~/secret.png
~0/secret.png
~:/secret.png
~ /secret.png
{allowed}/~/secret.png
$HOME/secret.png
${HOME}/secret.png
%HOME%/secret.png
%USERPROFILE%\secret.png
$(cat {outside}/secret.png)
`cat {outside}/secret.png`
!{outside}/secret.png
@{outside}/secret.png
|cat {outside}/secret.png
<{outside}/secret.png
{outside}/*.png
{outside}/secret.pn[g]
{allowed}/{good,inner}.png
{allowed}/*.png
{allowed}/g??d.png
{allowed}/frame%03d.png
{allowed}/good.png;type=image/png
{allowed}/good.png,{outside}/secret.png
{allowed}/good.png {outside}/secret.png
{allowed}/good.png:{outside}/secret.png
{allowed}/good.png|{outside}/secret.png
{allowed}/good.png?raw=1
{allowed}/good.png[0]
-
-i/etc/passwd
--files-from={outside}/secret.png
"""

SPELLED = (
    "{root}/ALLOWED/good.png",
    "{root}/Allowed/Good.png",
    "{root}/\u0430llowed/good.png",
    "{root}/\uff41llowed/good.png",
    "{root}/allowed\u200b/good.png",
    "{root}/allowed\u0301/good.png",
    "{allowed}/GOOD.PNG",
    "{allowed}/\u212angstr\u00f6m.png",
    "{allowed}/cafe\u0301-evil.png",
    "{allowed}/server.\u212aEY",
    "{allowed}/ID_RSA",
    "{allowed}/SERVER.PEM",
    "{allowed}/\uff0essh/good.png",
    "{allowed}/go\u200dod.png",
    "{allowed}/go\u00adod.png",
    "{allowed}/good.png\u2028",
    "{allowed}/good.png\u2029{outside}/secret.png",
    "{allowed}/good.png.",
    "{allowed}/good.png::$DATA",
    "{allowed}/go\U000e0041od.png",
    "{allowed}/good\ufffe.png",
    "{allowed}/good\u061c.png",
    "\u2060{allowed}/good.png",
    "\ufeff{allowed}/good.png",
    "{allowed}/good\t.png",
    "{allowed}/good\b.png",
    "{allowed}/good\x9b31m.png",
    "{allowed}/good\x1c.png",
    "{allowed}/good\u202a.png",
    "{allowed}/good\u2067.png",
    "{allowed}/good\udc80.png",
    "{allowed}/good\U0010ffff.png",
    "{allowed}/good\U000f0000.png",
)

LONG = (
    "{allowed}/" + "猫" * 86 + ".png",
    "{allowed}/" + "n" * 256,
    "{root}/" + "./" * 2000 + "outside/secret.png",
    "{root}" + "/" * 3900 + "outside/secret.png",
    "{allowed}/" + "sub/../" * 500 + "good.png",
    "~" + "u" * 4000,
    "x/" * 2047 + "x",
    "." * 4096,
    "media:" + "m" * 100_000,
    "job:" + "j" * 100_000,
    "file:///" + "%2e%2e%2f" * 1000,
)

STATE = r"""
{state}/jobs.db-wal
{state}/leaving
{state}/instances
{state}/../state/jobs.db
{allowed}/./sub/./state/jobs.db
{allowed}/sub//state//picture.png
{allowed}/sub/STATE/jobs.db
{allowed}/sub/state /jobs.db
{allowed}/state-folder-link/picture.png
{allowed}/state-parent-link/state/picture.png
{allowed}/sub/deep/hard-link-to-database.png
{allowed}/sub/deep/hard-link-to-picture.png
{home}/state-link/picture.png
~/state-link/picture.png
sub/state/picture.png
sub/state/jobs.db
state-folder-link/picture.png
file://{state}/jobs.db
file://{state}/picture.png
file://localhost{state}/picture.png
file://{allowed}/sub/%73tate/picture.png
file://{allowed}/sub%2Fstate%2Fpicture.png
file://{allowed}/state-folder-link/picture.png
/proc/{pid}/root{state}/picture.png
{allowed}/mounted/picture.png
{allowed}/mounted/jobs.db
"""

KERNEL = r"""
/proc/self/fd/{fd}
/proc/self/fd/{good}
/proc/{pid}/fd/{fd}
/proc/{pid}/environ
/proc/{pid}/cwd/outside/secret.png
/proc/{pid}/root{outside}/secret.png
/proc/self/task/{pid}/fd/{fd}
/proc/self/map_files
/proc/self/exe
/proc/self/auxv
/proc/self/mountinfo
/proc/self/attr/current
/proc/net/tcp
/proc/sys/kernel/core_pattern
/proc/version
/proc/../etc/passwd
/proc/keys
/dev/fd/{fd}
/dev/fd/{good}
/dev/stdout
/dev/null
/dev/full
/dev/urandom
/dev/ptmx
/dev/pts/0
/dev/loop0
/dev/kmsg
/dev/vda
/dev/net/tun
/dev/mqueue
/dev/../etc/passwd
/sys/firmware
/sys/../etc/passwd
/run/secrets/token
/var/run/docker.sock
{allowed}/by-descriptor.png
{allowed}/by-own-descriptor.png
{allowed}/by-process/outside/secret.png
{allowed}/to-zero.png
{allowed}/to-stdin.png
{allowed}/to-tty.png
{allowed}/to-sys
{allowed}/to-proc/self/environ
{allowed}/to-dev/zero
"""

URLS = r"""
file://{outside}/secret.png
file://{home}/secret.png
file://localhost{outside}/secret.png
file://LOCALHOST{outside}/secret.png
file://127.0.0.1{allowed}/good.png
file://[::1]{allowed}/good.png
file://localhost:80{allowed}/good.png
file://host{allowed}/good.png
file://user@localhost{allowed}/good.png
file://..{allowed}/good.png
file:////host/share/good.png
file://///host/share/good.png
file://{allowed}/../outside/secret.png
file://{allowed}/%2e%2e/outside/secret.png
file://{allowed}/%2E%2E%2Foutside%2Fsecret.png
file://{allowed}/..%2Foutside%2Fsecret.png
file://{allowed}/%252e%252e/outside/secret.png
file://{allowed}/%c0%ae%c0%ae/outside/secret.png
file://{allowed}/good.png%00
file://{allowed}/good.png%00.txt
file://{allowed}/good%0a.png
file://{allowed}/good%ff.png
file://{allowed}/good%7f.png
file://{allowed}/good.png%20
file://{allowed}/good.png#frame
file://{allowed}/good.png?raw=1
file://{allowed}/%2essh/good.png
file://{allowed}/id_rs%61.png
file://{allowed}/link-to-secret.png
file://{allowed}/%6cink-to-secret.png
file:///proc/self/environ
file:///%70roc/self/environ
file:///dev/zero
file:///~/secret.png
file://~/secret.png
file://%7E/secret.png
file:///
file://
file://{allowed}/%
file://{allowed}/good.png%
file:\\localhost\etc\passwd
file:{outside}/secret.png
file+x://{outside}/secret.png
FiLe://{outside}/secret.png
local:{outside}/secret.png
unix:{outside}/secret.png
fd:{fd}
pipe:{fd}
cache:{outside}/secret.png
crypto:{outside}/secret.png
async:file:{outside}/secret.png
tee:{outside}/secret.png
hls+file://{outside}/list.m3u8
concatf:{allowed}/list.txt
lavfi:movie={outside}/secret.png
image2:{outside}/secret.png
msl:{outside}/secret.png
text:{outside}/secret.txt
php://filter/read=convert.base64-encode/resource={outside}/secret.png
jar:file://{outside}/x.zip!/secret.png
view-source:file://{outside}/secret.png
content://media/external/images/1
gopher://127.0.0.1:6379/_INFO
dict://127.0.0.1:11211/stats
ldap://127.0.0.1/x
s3://bucket/secret.png
git+ssh://host/secret.png
javascript:alert(1)
blob:https://example.com/9115d58c
about:blank
data:image/png,{outside}/secret.png
DATA:image/png;base64,iVBORw0KGgo=
://{outside}/secret.png
"""

IDS = r"""
media:
media:.
media:..
media:../jobs.db
media:{outside}/secret.png
media://{outside}/secret.png
media:%2e%2e
media:%
media:_
media:*
media:' OR '1'='1
media:"; DROP TABLE media; --
media:0
media:media:0
MEDIA:x
Media:{job}
job:
job:/
job:.
job:../..
job:%
job:_
job:job_
job:' OR '1'='1
job:*/last_frame
job:{outside}/secret.png
job://{job}
JOB:{job}
job:job:{job}
job: {job}
job:{job}.
job:{job}/..
job:{job}/../../outside/secret.png
job:{job}/last_frame/..
job:{job}/last_frame/../../secret.png
job:{job}/last-frame
job:{job}/LAST_FRAME
job:{job}/%6cast_frame
job:{job}//last_frame
job:{job}/video
job:{job}#
job:{job}?x
{job}
{job}/last_frame
"""


def _lines(block: str) -> tuple[str, ...]:
    return tuple(line for line in block.split("\n") if line)


GROUPS: dict[str, tuple[str, ...]] = {
    "plain": tuple(path for path in REFUSED if not path.startswith("https://")),
    "traversal": _lines(TRAVERSAL),
    "elsewhere": _lines(ELSEWHERE),
    "spelled": SPELLED,
    "long": LONG,
    "links": (*LEVELS, *CHAINS),
    "state": _lines(STATE),
    "kernel": _lines(KERNEL),
    "special": SPECIAL,
    "urls": _lines(URLS),
    "ids": _lines(IDS),
}
"""All that is refused before a byte is read, by what is hostile about it."""

OPENED = tuple("{allowed}/" + name for name in FILES)
"""Files that may be read, and whose content is refused."""
