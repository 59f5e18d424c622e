"""
The fault matrix: every fault of the emulator, and for every call what it does to the user's job and money.

One table, read by the test that plays it and by the documentation. A cell names an outcome of
`fault_outcomes`, or begins with `-` and gives the reason why the combination makes no sense.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CALLS = ("submit", "poll", "cancel", "check", "list", "download", "upload")
"""The calls of a provider: buying, following, stopping, proving the key, looking for lost ones, fetching, sending media."""

METADATA = "http://169.254.169.254/latest/meta-data/iam"
LOOPBACK = "{loopback}/private"
"""Another service on this machine; the test puts a real one there and sees that nobody asks it."""

ONLY_BUYING = "-only a purchase has an order that may be taken or not"
ONLY_TASKS = "-a status of a task: only following shows one"
ONLY_FILES = "-only a download is continued"
ONLY_LISTS = "-only the list can lag"
ONLY_LOOKING = "-what was sent when matters only to looking for a lost purchase"
ONLY_STOPPING = "-only stopping is carried out with its answer lost"


@dataclass(frozen=True, kw_only=True)
class Row:
    """
    One fault. `fault` are fields of the emulator's `Fault`, `behaviour` those of its `Behaviour`, and `scene`
    names a preparation of `fault_play` for what neither can say. `cells` is by call.
    """

    name: str
    says: str
    fault: Mapping[str, Any] = field(default_factory=dict[str, Any])
    behaviour: Mapping[str, Any] = field(default_factory=dict[str, Any])
    scene: str = ""
    cells: Mapping[str, str]


_AFTERWARDS = {
    "poll": "rides", "cancel": "again", "check": "answers provider_unavailable", "list": "waits",
    "download": "fetched", "upload": "unsent provider_unavailable",
}  # fmt: skip
_NONSENSE = {"check": "answers unexpected_response", "upload": "unsent unexpected_response"}


def _every(submit: str, **others: str) -> dict[str, str]:
    return {"submit": submit, **_AFTERWARDS, **others}


def _only(why: str, **cells: str) -> dict[str, str]:
    return {call: cells.get(call, why) for call in CALLS}


def _broken(name: str, says: str, **fault: Any) -> list[Row]:
    """A broken connection: once with the order taken, once without."""
    return [
        Row(
            name=f"{name}_before",
            says=f"{says}, the order not taken",
            fault={**fault, "accepted": False},
            cells=_every("absent"),
        ),
        Row(
            name=f"{name}_after",
            says=f"{says}, the order taken",
            fault={**fault, "accepted": True},
            cells=_only(ONLY_BUYING, submit="found", cancel="stopped"),
        ),
    ]


def _garbled(name: str, says: str, *, fault: Mapping[str, Any], **cells: str) -> Row:
    """An answer that arrives and makes no sense, after the call was carried out."""
    return Row(
        name=name,
        says=says,
        fault=fault,
        cells=_every("found", **{"cancel": "stopped", **_NONSENSE, **cells}),
    )


def _status(status: int, submit: str, *, says: str = "", **cells: str) -> Row:
    return Row(
        name=f"http_{status}",
        says=f"HTTP {status}{says} in the provider's own shape",
        fault={"kind": "status", "status": status, "accepted": False},
        cells=_every(submit, **cells),
    )


def _page(status: int, submit: str, *, accepted: bool = False, **cells: str) -> Row:
    return Row(
        name=f"page_{status}",
        says=f"a gateway's HTML page with HTTP {status}",
        fault={"kind": "page", "status": status, "accepted": accepted},
        cells=_every(submit, **cells),
    )


def _lie(status: int, code: str) -> Row:
    return Row(
        name=f"lie_{status}",
        says=f"HTTP {status} in the provider's own shape, although the order was taken",
        fault={"kind": "status", "status": status, "accepted": True},
        cells=_only(ONLY_BUYING, submit=f"lied {code}"),
    )


def _redirect(name: str, says: str, to: str) -> Row:
    return Row(
        name=f"redirect_{name}",
        says=f"a redirect to {says}",
        fault={"kind": "redirect", "value": to, "accepted": False},
        cells=_every("absent", **_NONSENSE),
    )


def _rubbish(name: str, says: str, **fault: Any) -> Row:
    """What arrives whole and is no video, every time."""
    return Row(
        name=f"rubbish_{name}",
        says=f"{says} instead of the video, every time",
        fault=fault,
        cells=_only("-only a download can be no video", download="unusable"),
    )


def _strange(name: str, says: str, kind: str) -> Row:
    """The right answer, written as no documentation says."""
    return Row(
        name=name,
        says=says,
        fault={"kind": kind},
        cells={
            **dict.fromkeys(("submit", "poll", "list", "upload"), "bought"),
            "cancel": "stopped",
            "check": "passes",
            "download": "-a video has no words",
        },
    )


def _said(code: str) -> dict[str, str]:
    return {"check": f"answers {code}", "upload": f"unsent {code}"}


ROWS: tuple[Row, ...] = (
    *_broken("lost", "connection closed without an answer", kind="lost"),
    *_broken("reset", "connection reset", kind="reset"),
    *_broken("silent", "no answer until the deadline", kind="silent"),
    Row(
        name="refused_connection",
        says="nobody listens at the address",
        scene="nobody_listens",
        cells=_only("-the same as a closed connection: nothing was under way", submit="unsent"),
    ),
    Row(
        name="late",
        says="an answer that takes its time",
        fault={"kind": "late", "seconds": 0.4},
        cells=_only("-the same as no fault: every call waits for so long", submit="bought", poll="bought"),
    ),
    _garbled("drip_head", "headers dripping one byte at a time", fault={"kind": "drip_head", "seconds": 0.2},
             check="answers provider_unavailable", upload="unsent provider_unavailable"),
    _garbled("drip_body", "a body dripping one byte at a time", fault={"kind": "drip_body", "seconds": 0.2},
             check="answers provider_unavailable", upload="unsent provider_unavailable"),
    _garbled("cut_head", "headers that break off", fault={"kind": "cut_head"},
             check="answers provider_unavailable", upload="unsent provider_unavailable"),
    _garbled("truncated", "a body shorter than announced", fault={"kind": "truncated"},
             check="answers provider_unavailable", upload="unsent provider_unavailable"),
    _garbled("endless", "a body that does not end", fault={"kind": "endless"}),
    _garbled("garbage", "bytes that are no HTTP", fault={"kind": "garbage"},
             check="answers provider_unavailable", upload="unsent provider_unavailable"),
    _garbled("cut_json", "JSON cut in the middle", fault={"kind": "cut_json"}),
    _garbled("deep_json", "JSON nested 100,000 deep", fault={"kind": "deep_json"}),
    _garbled("no_id", "a good answer without an id", fault={"kind": "no_id"}),
    _garbled("wrong_types", "numbers for texts and texts for numbers", fault={"kind": "wrong_types"},
             download="-a video has no types"),
    _garbled("empty", "HTTP 200 and nothing", fault={"kind": "empty"}),
    _garbled("bomb", "50 MB of zeros, compressed", fault={"kind": "bomb"}),
    Row(
        name="mangled",
        says="a few random bytes of the answer changed",
        fault={"kind": "mangled"},
        cells=_only("-encryption rules it out; each adapter is tried with damaged answers by the thousand"),
    ),
    Row(
        name="wrong_content_type",
        says="the right answer under a wrong content type",
        fault={"kind": "wrong_content_type"},
        cells=_only("-the body is read, not its label", submit="bought", poll="bought", download="bought"),
    ),
    _strange("strange", "the right answer with half surrogate pairs, NaN, giant numbers, NUL, no UTF-8, 3,000 levels,"
             " names twice and rubbish after it", "strange"),
    _strange("utf16", "the same in UTF-16", "utf16"),
    Row(
        name="strange_refusal",
        says="HTTP 400 in the provider's own shape, written as strangely",
        fault={"kind": "strange", "status": 400, "accepted": False},
        cells=_every("refused request_rejected", check="answers request_rejected", upload="unsent request_rejected"),
    ),
    Row(
        name="strange_failure",
        says="a task that failed, written as strangely",
        fault={"kind": "strange"},
        behaviour={"outcome": "failed"},
        cells=_only(ONLY_TASKS, poll="failed provider"),
    ),
    Row(
        name="wrong_range",
        says="a part of the file that was not asked for",
        fault={"kind": "wrong_range"},
        scene="half_here",
        cells=_only(ONLY_FILES, download="fetched"),
    ),
    Row(
        name="expired_url",
        says="the address of the video has expired",
        scene="expired_url",
        cells=_only(ONLY_FILES, download="fetched"),
    ),
    Row(
        name="expired_result",
        says="the video is gone for good",
        scene="expired_result",
        cells=_only(ONLY_FILES, download="gone"),
    ),
    Row(
        name="dead_links",
        says="new addresses without an end for a video that is gone",
        scene="expired_links",
        cells=_only(ONLY_FILES, download="gone"),
    ),
    _rubbish("page", "a page", kind="page", status=200),
    _rubbish("empty", "an empty file", kind="empty"),
    _rubbish("broken", "half a video that claims to be whole", kind="cut_json"),
    Row(
        name="unknown_words",
        says="a status word that nobody documented",
        behaviour={"words": ["polishing", "half-done", "POLISHING", ""]},
        cells=_only(ONLY_TASKS, poll="bought"),
    ),
    Row(
        name="loud_words",
        says="status words in another case, with blanks around them",
        fault={"kind": "loud_words"},
        cells=_only(ONLY_TASKS, poll="bought"),
    ),
    Row(
        name="id_left_out",
        says="an answer about a task that does not repeat its id",
        fault={"kind": "id_left_out"},
        cells=_only(ONLY_TASKS, poll="bought"),
    ),
    Row(
        name="another_id",
        says="an answer about a task that names another one",
        fault={"kind": "another_id"},
        cells=_only(ONLY_TASKS, poll="rides"),
    ),
    Row(
        name="backwards",
        says="a status that goes backwards",
        behaviour={"words": ["running", "queued", "running", "queued"]},
        cells=_only(ONLY_TASKS, poll="bought"),
    ),
    Row(
        name="never_ends",
        says="running without an end",
        scene="never_ends",
        cells=_only(ONLY_TASKS, poll="rides"),
    ),
    Row(
        name="not_there_yet",
        says="a new task that its own id does not find yet",
        behaviour={"get_lag": 0.6},
        cells=_only(ONLY_TASKS, poll="bought"),
    ),
    Row(
        name="forgotten",
        says="an accepted task that the provider forgets",
        scene="forgotten",
        cells=_only(ONLY_TASKS, poll="forgotten"),
    ),
    Row(
        name="forgotten_for_a_while",
        says="an accepted task that the provider forgets and remembers",
        scene="forgotten",
        cells=_only(ONLY_TASKS, poll="remembered"),
    ),
    Row(
        name="list_lag",
        says="a list that shows new tasks late",
        behaviour={"list_lag": 0.3},
        scene="lost",
        cells=_only(ONLY_LISTS, list="found"),
    ),
    Row(
        name="list_lag_too_long",
        says="a list that shows new tasks later than promised",
        scene="list_lag_too_long",
        cells=_only(ONLY_LISTS, list="overdue"),
    ),
    Row(
        name="clock_behind",
        says="the provider's clock an hour behind ours, and a connection closed without an answer",
        fault={"kind": "lost", "accepted": False},
        behaviour={"clock_apart": -3600.0},
        cells=_only(ONLY_LOOKING, submit="absent", list="waits"),
    ),
    Row(
        name="clock_ahead",
        says="the provider's clock an hour ahead of ours, and a connection closed without an answer",
        fault={"kind": "lost", "accepted": False},
        behaviour={"clock_apart": 3600.0},
        cells=_only(ONLY_LOOKING, submit="absent", list="waits"),
    ),
    _status(400, "refused request_rejected", check="answers request_rejected", upload="unsent request_rejected"),
    _status(401, "refused authentication", **_said("authentication")),
    _status(402, "refused insufficient_funds", **_said("insufficient_funds")),
    _status(403, "refused access_denied", **_said("access_denied")),
    _status(404, "refused request_rejected", **_said("task_not_found") | {"check": "answers unexpected_response"}),
    _status(408, "absent"),
    _status(409, "absent", check="answers request_rejected", upload="unsent request_rejected"),
    _status(422, "refused request_rejected", check="answers request_rejected", upload="unsent request_rejected"),
    _status(429, "refused rate_limited", **_said("rate_limited")),
    _status(500, "absent"),
    _status(502, "absent"),
    _status(503, "absent"),
    _lie(429, "rate_limited"),
    _lie(400, "request_rejected"),
    Row(
        name="lie_500",
        says="HTTP 500 in the provider's own shape, although the order was taken",
        fault={"kind": "status", "status": 500, "accepted": True},
        cells=_only(ONLY_BUYING, submit="found", cancel="stopped"),
    ),
    _page(200, "found", accepted=True, cancel="stopped", **_NONSENSE),
    _page(400, "absent", **_NONSENSE),
    _page(403, "refused access_denied", **_said("access_denied")),
    _page(413, "refused request_rejected", **_NONSENSE),
    _page(429, "refused rate_limited", **_said("rate_limited")),
    _page(502, "found", accepted=True, cancel="stopped"),
    _redirect("metadata", "the cloud's metadata address", METADATA),
    _redirect("loopback", "another service on this machine", LOOPBACK),
)  # fmt: skip
"""Every fault."""

PECULIAR: Mapping[tuple[str, str, str], str] = {
    ("ark", "strange_failure", "poll"): "failed provider_unavailable",
    ("byteplus", "strange_failure", "poll"): "failed provider_unavailable",
    ("fal", "another_id", "poll"): "bought",  # the address alone tells which request an answer is about
    (
        "replicate",
        "clock_ahead",
        "submit",
    ): "-its list reaches back for less than that hour, and proves nothing then",
    ("runcomfy", "http_404", "check"): "answers task_not_found",
    ("runcomfy", "wrong_types", "check"): "-a balance is a number or a text there, and both are read",
}
"""Cells that come out otherwise at one provider: by provider, row and call."""


def cell(name: str, row: Row, call: str) -> str:
    """What the matrix says of a fault and a call at a provider."""
    return PECULIAR.get((name, row.name, call), row.cells[call])
