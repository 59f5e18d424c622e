"""Every code that the error of a job can have, with one sentence each."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class JobCode(StrEnum):
    """What went wrong with a job, for programs. The spelling is part of the public contract."""

    ACCESS_DENIED = "access_denied"
    AUTHENTICATION = "authentication"
    BUDGET_EXCEEDED = "budget_exceeded"
    CANCELLED = "cancelled"
    CONFIG = "config"
    CONTENT_REJECTED = "content_rejected"
    DISK_FULL = "disk_full"
    DOWNLOAD = "download"
    GENERATION_CANCELLED = "generation_cancelled"
    GENERATION_EXPIRED = "generation_expired"
    GENERATION_FAILED = "generation_failed"
    INSPECTION_FAILED = "inspection_failed"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    INTERNAL = "internal"
    INVALID_REQUEST = "invalid_request"
    MEDIA = "media"
    MODEL_NOT_OPEN = "model_not_open"
    NOT_BOUGHT = "not_bought"
    NOT_SENT = "not_sent"
    NOT_SUPPORTED = "not_supported"
    OTHER_ACCOUNT = "other_account"
    PROVIDER = "provider"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    RATE_LIMITED = "rate_limited"
    REQUEST_REJECTED = "request_rejected"
    RESULT_EXPIRED = "result_expired"
    RESULT_UNUSABLE = "result_unusable"
    STORE = "store"
    SUBMISSION_UNKNOWN = "submission_unknown"
    TASK_MISSING = "task_missing"
    TASK_NOT_FOUND = "task_not_found"
    UNEXPECTED_RESPONSE = "unexpected_response"
    UNRESOLVED = "unresolved"


JOB_CODES: Mapping[JobCode, str] = MappingProxyType(
    {
        JobCode.ACCESS_DENIED: "The provider did not let the request through, and did not say that it is the key.",
        JobCode.AUTHENTICATION: "The provider refused the key.",
        JobCode.BUDGET_EXCEEDED: "A cap or an open breaker stood in the way.",
        JobCode.CANCELLED: "The task was cancelled, as asked.",
        JobCode.CONFIG: "A setting is missing or wrong.",
        JobCode.CONTENT_REJECTED: "Moderation refused the text, a file, or the finished video.",
        JobCode.DISK_FULL: "There was no room on this machine's disk to draw the sandbox's video.",
        JobCode.DOWNLOAD: "The finished video could not be fetched yet; the server tries again by itself.",
        JobCode.GENERATION_CANCELLED: "The task was cancelled at the provider.",
        JobCode.GENERATION_EXPIRED: "The provider let the task expire before it was done.",
        JobCode.GENERATION_FAILED: "The provider accepted the task and could not make the video.",
        JobCode.INSPECTION_FAILED: "The server could not look into a file, through a fault of its own.",
        JobCode.INSUFFICIENT_FUNDS: "The account at the provider has no money, or is locked.",
        JobCode.INTERNAL: "The server made a mistake while submitting.",
        JobCode.INVALID_REQUEST: "The request cannot be made as it stands.",
        JobCode.MEDIA: "A file or URL could not be used.",
        JobCode.MODEL_NOT_OPEN: "The account may not use this model yet.",
        JobCode.NOT_BOUGHT: "The provider's whole list, or a person, says that it was not bought; the money is free.",
        JobCode.NOT_SENT: "The purchase provably never left this machine.",
        JobCode.NOT_SUPPORTED: "The provider has no such operation.",
        JobCode.OTHER_ACCOUNT: "The job belongs to another account or address, and waits for its key.",
        JobCode.PROVIDER: "The provider said no, or said something that has no code of its own.",
        JobCode.PROVIDER_UNAVAILABLE: "The provider could not be reached before anything was bought.",
        JobCode.RATE_LIMITED: "The provider had too many requests.",
        JobCode.REQUEST_REJECTED: "The provider refused the parameters of the request.",
        JobCode.RESULT_EXPIRED: "Paid, but the provider removed the video before it could be saved.",
        JobCode.RESULT_UNUSABLE: "Paid, but what the provider hands out is no video, however often it is fetched.",
        JobCode.STORE: "The job database could not be used.",
        JobCode.SUBMISSION_UNKNOWN: "The purchase may or may not have been accepted; it is counted and looked for.",
        JobCode.TASK_MISSING: "The provider no longer knows an accepted task, or says nothing about it; it stays counted.",
        JobCode.TASK_NOT_FOUND: "The provider does not know what the request is based on.",
        JobCode.UNEXPECTED_RESPONSE: "An answer that fits no documented shape.",
        JobCode.UNRESOLVED: "Nobody but a person can find out whether it was bought; it stays counted.",
    }
)
"""One sentence for each code."""


def job_code(text: str | None) -> JobCode | None:
    """Return the code that is written so; what is none becomes `provider`."""
    if text is None:
        return None
    return JobCode(text) if text in JobCode.__members__.values() else JobCode.PROVIDER
