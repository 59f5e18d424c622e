"""The values that travel between rooms: what is asked for, what a provider says, what a job is."""

from __future__ import annotations

from .job import FINISHED_STATES, Artifacts, Job, JobState, JobStatus, Signer, Tries
from .job_code import JOB_CODES, JobCode, job_code
from .media import MAX_SHEET_FRAMES, MediaFile, MediaKind, Upload
from .price import Price
from .question import Question
from .request import FRAME_FIELDS, MEDIA_FIELDS, REFERENCE_FIELDS, VideoRequest
from .task import Submission, TaskState, TaskStatus
from .terms import PurchaseTerms
from .video_set import SET_PREFIX, Place, Variation, VideoSet
from .wanted import Wanted, is_same_request, is_same_setting, is_same_video

__all__ = [
    "FINISHED_STATES",
    "FRAME_FIELDS",
    "JOB_CODES",
    "MAX_SHEET_FRAMES",
    "MEDIA_FIELDS",
    "REFERENCE_FIELDS",
    "SET_PREFIX",
    "Artifacts",
    "Job",
    "JobCode",
    "JobState",
    "JobStatus",
    "MediaFile",
    "MediaKind",
    "Place",
    "Price",
    "PurchaseTerms",
    "Question",
    "Signer",
    "Submission",
    "TaskState",
    "TaskStatus",
    "Tries",
    "Upload",
    "Variation",
    "VideoRequest",
    "VideoSet",
    "Wanted",
    "is_same_request",
    "is_same_setting",
    "is_same_video",
    "job_code",
]
