"""The values that travel between rooms: what is asked for, what a provider says, what a job is."""

from __future__ import annotations

from .film import (
    FILM_PREFIX,
    Draw,
    FilmCut,
    FilmFile,
    FilmOrder,
    FilmPlace,
    FilmQuality,
    FilmRecord,
    Mark,
    MarkKind,
    OrderEnd,
    RowRefusal,
    Take,
)
from .job import (
    FINISHED_STATES,
    NOT_BOUGHT_STATES,
    WORKERS,
    Artifacts,
    Job,
    JobState,
    JobStatus,
    Signer,
    Tries,
)
from .job_code import JOB_CODES, JobCode, job_code
from .look import MAX_COMPARED, MAX_SHEET_FRAMES, Look, Show
from .media import ByteReport, ExpectedFile, Link, LinkedFile, MediaFile, MediaKind, SignedPut, Upload
from .price import Price
from .question import Question
from .request import FRAME_FIELDS, MEDIA_FIELDS, REFERENCE_FIELDS, VideoRequest
from .review import MAX_REVIEW_CHARACTERS, SCORES, Opinion, Review, Reviewer, Unjudged, Verdict
from .scope import EVERYBODY, OWNER, Scope
from .task import Submission, TaskState, TaskStatus
from .terms import PurchaseTerms
from .video_set import SET_PREFIX, Place, Variation, VideoSet
from .wanted import Wanted, is_same_request, is_same_setting, is_same_video, is_same_wherever_often

__all__ = [
    "EVERYBODY",
    "FILM_PREFIX",
    "FINISHED_STATES",
    "FRAME_FIELDS",
    "JOB_CODES",
    "MAX_COMPARED",
    "MAX_REVIEW_CHARACTERS",
    "MAX_SHEET_FRAMES",
    "MEDIA_FIELDS",
    "NOT_BOUGHT_STATES",
    "OWNER",
    "REFERENCE_FIELDS",
    "SCORES",
    "SET_PREFIX",
    "WORKERS",
    "Artifacts",
    "ByteReport",
    "Draw",
    "ExpectedFile",
    "FilmCut",
    "FilmFile",
    "FilmOrder",
    "FilmPlace",
    "FilmQuality",
    "FilmRecord",
    "Job",
    "JobCode",
    "JobState",
    "JobStatus",
    "Link",
    "LinkedFile",
    "Look",
    "Mark",
    "MarkKind",
    "MediaFile",
    "MediaKind",
    "Opinion",
    "OrderEnd",
    "Place",
    "Price",
    "PurchaseTerms",
    "Question",
    "Review",
    "Reviewer",
    "RowRefusal",
    "Scope",
    "Show",
    "SignedPut",
    "Signer",
    "Submission",
    "Take",
    "TaskState",
    "TaskStatus",
    "Tries",
    "Unjudged",
    "Upload",
    "Variation",
    "Verdict",
    "VideoRequest",
    "VideoSet",
    "Wanted",
    "is_same_request",
    "is_same_setting",
    "is_same_video",
    "is_same_wherever_often",
    "job_code",
]
