"""
Every exception raised on purpose.

- SeedanceError
  - ConfigError              a setting is missing or wrong
  - InvalidRequest           the request cannot be made; `.problems` names every reason at once
  - MediaError               a file or URL cannot be used as media
  - InspectionFailed         the server could not look into a file, through a fault of its own
  - BudgetExceeded           a spending cap, rate cap or open breaker stands in the way
  - ConfirmationRequired     a person has to agree to the price first
    - ApprovalRequired       an administrator has to
  - ApprovalRefused          an administrator has said no to it
  - PlanChanged              a film's plan is no longer what was agreed to
  - NotSupported             the provider has no such operation
  - JobNotFound              no job has this id
  - FilmNotFound             no film has this id
  - JobNotFinished           the job has no result yet
  - StoreError               the job database cannot be used
    - StoreGone              it was removed or replaced while it was open
  - OtherAccount             the job belongs to another account than the one that is set now
  - ProviderError            the provider said no, or said something we cannot use
    - AuthenticationError    the key is wrong, expired, or for another region
    - AccessDenied           the provider lets it not through, and does not say that it is the key
    - InsufficientFunds      the account has no money, or is locked
    - RequestRejected        the provider refused the parameters
      - ModelNotOpen         the account may not use this model (yet)
    - ContentRejected        moderation refused the text, image, video or audio
    - TaskNotFound           the provider does not know (or no longer knows) the task
    - RateLimited            too many requests; `.retry_after` seconds where the provider says so
    - ProviderUnavailable    not reachable, or a server error on a call that is free to repeat
    - UnexpectedResponse     an answer that fits no documented shape
    - SubmissionNotSent      the purchase provably never left this machine
    - SubmissionUnknown      the purchase may or may not have been accepted; never repeat it
    - DownloadError          the finished video could not be fetched

A generation that failed at the provider is a `Job` with an error, not an exception.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from .remarks import NO_REMARKS, Remarks
from .texts import listed, number_of


class SeedanceError(Exception):
    """
    The base of all errors raised on purpose.

    `code` is stable and part of the public contract; `hint` says what to do next; `retryable` is true
    when the same call may succeed later without a change.
    """

    code: ClassVar[str] = "error"
    default_hint: ClassVar[str] = ""
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = self.default_hint if hint is None else hint


def trace_of(error: Exception) -> Exception | None:
    """Return an error whose trace a log should hold; None for one that was raised on purpose: its message says it all."""
    return None if isinstance(error, SeedanceError) else error


class ConfigError(SeedanceError):
    """A setting is missing or has a value that cannot be used. `problems` holds every reason found."""

    code = "config"
    default_hint = "Correct the setting, then start the server again."

    def __init__(self, message: str, *, hint: str | None = None, problems: Sequence[str] = ()) -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems) or (message,)

    @classmethod
    def of(cls, problems: Iterable[str]) -> ConfigError:
        """Make one error of several settings that are wrong; each problem is a sentence."""
        listed = tuple(problems)
        return cls(" ".join(listed), problems=listed)


class InvalidRequest(SeedanceError):
    """
    The request cannot be made as it stands, be it for one of its files or URLs.

    `problems` holds every reason found, of very many the first.
    """

    code = "invalid_request"
    most_problems: ClassVar[int] = 60
    default_hint = "Change the named arguments and call again; nothing was spent."

    def __init__(self, problems: Sequence[str], *, hint: str | None = None) -> None:
        more = len(problems) - self.most_problems
        rest = [f"{number_of(more, 'more place')} {'is' if more == 1 else 'are'} wrong"] if more > 0 else []
        self.problems = (*problems[: self.most_problems], *rest)
        super().__init__("; ".join(self.problems), hint=hint)


class MediaError(SeedanceError):
    """The one file or URL that the call is about (`upload_media`, `view_video`) cannot be used."""

    code = "media"
    default_hint = "Choose another file, or convert this one."


class InspectionFailed(SeedanceError):
    """The server could not look into a file, through a fault of its own; the file may be sound."""

    code = "inspection_failed"
    default_hint = (
        "This is a bug in the server or in a library that it uses; its log (stderr) has the details."
    )

    def __init__(self) -> None:
        super().__init__("The server could not look into the file, through a fault of its own.")


class BudgetExceeded(SeedanceError):
    """A spending cap, an hourly count or an open breaker stops new spending."""

    code = "budget_exceeded"
    default_hint = "Only the person who runs the server can raise the limit, in its settings."


class ConfirmationRequired(SeedanceError):
    """
    A person has to agree to the price.

    `question` is what the person is asked. `token` is what an assistant hands back when the person has agreed; None
    where no assistant's word counts. `approval` is the code by which the person agrees in a terminal. Both are
    single-use and bound to this very request and price. `remarks` are what to know before agreeing.
    """

    code = "confirmation_required"

    def __init__(
        self,
        message: str,
        *,
        token: str | None,
        hint: str,
        question: str = "",
        approval: str = "",
        remarks: Remarks = NO_REMARKS,
    ) -> None:
        super().__init__(message, hint=hint)
        self.token = token
        self.question = question
        self.approval = approval
        self.remarks = remarks

    def after(self, words: str) -> ConfirmationRequired:
        """Return the same question with what happened before it."""
        return self.told(f"{words}. {self.message}", token=self.token, hint=self.hint)

    def told(self, message: str, *, token: str | None, hint: str) -> ConfirmationRequired:
        """Return the same question with other words around it."""
        return type(self)(
            message, token=token, hint=hint, question=self.question, approval=self.approval, remarks=self.remarks,
        )  # fmt: skip


class ApprovalRequired(ConfirmationRequired):
    """An administrator has to agree to the price, and whoever asks for it cannot."""

    code = "approval_required"
    default_hint = "Tell the person. Once an administrator has agreed, make the same call again."
    retryable = True


class ApprovalRefused(SeedanceError):
    """An administrator has said no to the price."""

    code = "approval_refused"
    default_hint = "Nothing was bought, and for 15 minutes no new question is put."


class PlanChanged(SeedanceError):
    """
    A film's plan is no longer what was agreed to; nothing was bought.

    `plan` is the plan as it is now (a `FilmPlan`), `differences` says in words what is not the same.
    """

    code = "plan_changed"
    default_hint = (
        "Show the person the new plan, and call again with its token once they agree. Nothing was bought."
    )

    def __init__(self, plan: Any, differences: Sequence[str]) -> None:
        super().__init__(f"The plan has changed. {' '.join(differences)}".strip())
        self.plan = plan
        self.differences = tuple(differences)


class NotSupported(SeedanceError):
    """The provider has no such operation."""

    code = "not_supported"


class JobNotFound(SeedanceError, LookupError):
    """No job has this id."""

    code = "job_not_found"
    default_hint = "Call check_status without job_id to list recent jobs."

    def __init__(self, job_id: str, of_set: Sequence[str] = ()) -> None:
        """`of_set`: the id is that of a set, and these are its jobs."""
        if of_set:
            super().__init__(
                f"{job_id} is a set of several videos, not one job.", hint=f"Its jobs are {listed(of_set)}."
            )
        else:
            super().__init__(f"There is no job {job_id!r}.")


class FilmNotFound(SeedanceError, LookupError):
    """No film has this id."""

    code = "film_not_found"
    default_hint = (
        "Read the film's document again: `seedance-mcp film plan FILE`, or plan_film with its storyboard."
    )

    def __init__(self, film_id: str) -> None:
        super().__init__(f"There is no film {film_id!r}.")


class JobNotFinished(SeedanceError):
    """The job has no result yet."""

    code = "job_not_finished"
    default_hint = "Call check_status with this job_id and wait for it."
    retryable = True


class StoreError(SeedanceError):
    """The job database cannot be used: locked, unreadable, or written by a newer version."""

    code = "store"
    retryable = True


class StoreGone(StoreError):
    """The job database was removed or replaced while it was open; only a restart opens what is there now."""

    retryable = False


class OtherAccount(SeedanceError):
    """The job was bought with another key or at another address: nobody else may ask about it, so it waits for that one."""

    code = "other_account"


class ProviderError(SeedanceError):
    """
    The provider said no, or said something we cannot use.

    `provider_code` and `request_id` are the provider's own words, for its support.
    """

    code = "provider"

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        provider_code: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.provider_code = provider_code
        self.request_id = request_id


class AuthenticationError(ProviderError):
    """The key is wrong, expired, or belongs to another region."""

    code = "authentication"
    default_hint = "Check the API key and that it belongs to this provider and region."


class AccessDenied(ProviderError):
    """The provider does not let this through (HTTP 403), and does not say that it is for the key."""

    code = "access_denied"
    default_hint = (
        "Nothing proves that the key is wrong. It can also be a model or region that the account has not opened, a rule"
        " of the organisation or for this machine's address, or a firewall or proxy on the way. Go by the provider's"
        " words, then look at its console; `seedance-mcp doctor` tries the key."
    )


class InsufficientFunds(ProviderError):
    """The account has no money, or is locked."""

    code = "insufficient_funds"
    default_hint = "Top up or unlock the account at the provider, then submit again."


class RequestRejected(ProviderError):
    """The provider refused the parameters of the request."""

    code = "request_rejected"
    default_hint = "Change the request as the provider's message says; nothing was charged."


class ModelNotOpen(RequestRejected):
    """The account has not activated this model, or may not use it."""

    code = "model_not_open"
    default_hint = "Activate the model in the provider's console, or choose another model or provider."


class ContentRejected(ProviderError):
    """Moderation refused the text, an image, a video or a sound."""

    code = "content_rejected"
    default_hint = "Rephrase the prompt or use other media; refused content is not charged."


class TaskNotFound(ProviderError, LookupError):
    """The provider does not know the task, or no longer knows it."""

    code = "task_not_found"


class RateLimited(ProviderError):
    """Too many requests. `retry_after` is in seconds, where the provider says it."""

    code = "rate_limited"
    default_hint = "Wait a little and try again."
    retryable = True

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        hint: str | None = None,
        provider_code: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, provider_code=provider_code, request_id=request_id)
        self.retry_after = retry_after


class ProviderUnavailable(ProviderError):
    """The provider cannot be reached, or answers a free call with a server error."""

    code = "provider_unavailable"
    default_hint = "Try again in a minute."
    retryable = True


class UnexpectedResponse(ProviderError):
    """An answer that fits no documented shape."""

    code = "unexpected_response"


class SubmissionNotSent(ProviderError):
    """The purchase provably never left this machine: no connection to the provider came about."""

    code = "not_sent"
    default_hint = "Check the network, then submit again; nothing was spent."
    retryable = True


class SubmissionUnknown(ProviderError):
    """The purchase may or may not have been accepted. It is counted as spent and never repeated."""

    code = "submission_unknown"
    default_hint = "Do not submit again. check_status says what is known, and who can find out more."


class DownloadError(ProviderError):
    """The finished video could not be fetched or is not a complete video. `retry_after` as in RateLimited."""

    retry_after: float | None = None
    code = "download"
    default_hint = "The server tries again by itself; call check_status later."
    retryable = True


REFUSALS = (
    RequestRejected, ContentRejected, AuthenticationError, AccessDenied,
    InsufficientFunds, RateLimited, TaskNotFound, NotSupported,
)  # fmt: skip
"""The only answers to a purchase that prove that nothing was bought. Everything else is unknown."""
