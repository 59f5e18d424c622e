"""What is one person's, of several who share an installation, is nobody else's: found, repeated, agreed to and counted."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from seedance_mcp.config import Settings
from seedance_mcp.errors import (
    AuthenticationError,
    BudgetExceeded,
    ConfirmationRequired,
    FilmNotFound,
    JobNotFound,
)
from seedance_mcp.store import (
    Conflict,
    Connection,
    KeptKey,
    ScopedStore,
    Store,
    breakers,
    by_day,
    changes,
    confirmations,
    film_orders,
    films,
    idempotency_keys,
    incidents,
    job_records,
    open_store,
    transitions,
    unbalanced_days,
    uploads,
    waiting_questions,
)
from seedance_mcp.types import EVERYBODY, OWNER, Job, JobState, MediaFile, Scope

from .film_till import FILM, FilmTill, take, usd
from .test_budget import NOW, SELLER, Till

ANN, BEA = Scope(person="ann"), Scope(person="bea")


class Tills:
    """Tills of several people upon one store."""

    def __init__(self, folder: Path) -> None:
        self._till = Till(folder, max_usd_per_day=Decimal(100), max_jobs_per_hour=100)
        self.store = self._till.store

    def of(self, scope: Scope, **settings: object) -> Till:
        """Return the till of a person, under these settings."""
        till = copy.copy(self._till)
        till.store = ScopedStore(self.store, scope)
        till.settings = replace(till.settings, **settings)  # type: ignore[arg-type]
        till.count = sum(map(ord, scope.person)) * 100
        return till


@pytest.fixture
def tills(tmp_path: Path) -> Iterator[Tills]:
    made = Tills(tmp_path)
    yield made
    made.store.close()


def finds(store: Store, job: Job) -> bool:
    try:
        store.read_now(lambda connection: job_records.find(connection, job.id))
    except JobNotFound as error:
        return str(error) != str(JobNotFound(job.id, []))
    return True


def test_a_job_of_another_is_one_that_there_is_not(tills: Tills) -> None:
    ann, bea, mine = tills.of(ANN), tills.of(BEA), tills.of(OWNER)
    job = ann.buy()
    assert job.person == "ann"
    assert finds(ann.store, job)
    for other in (bea, mine):
        assert not finds(other.store, job)
        assert other.store.read_now(job_records.count) == 0
        assert other.store.read_now(lambda connection: job_records.recent(connection, 9)) == []
        assert other.store.read_now(lambda connection: transitions.history(connection, job.id)) == []
        assert other.store.read_now(lambda connection: by_day(connection, 9)) == []
    assert finds(ScopedStore(tills.store, EVERYBODY), job)
    assert finds(tills.store, job)


def test_the_same_request_of_another_is_a_purchase_of_its_own(tills: Tills) -> None:
    ann, bea = tills.of(ANN), tills.of(BEA)
    first = ann.buy(prompt="a fox")
    assert ann.buy(prompt="a fox").id == first.id
    second = bea.buy(prompt="a fox")
    assert (second.id != first.id, second.person) == (True, "bea")
    assert second.client_key != first.client_key


def test_a_key_is_its_persons_own(tills: Tills) -> None:
    ann, bea = tills.of(ANN), tills.of(BEA)
    kept = KeptKey(asked={"prompt": "a fox"}, digests={})
    for till in (ann, bea):
        job = till.buy()
        assert (
            till.store.read_now(lambda connection: idempotency_keys.find(connection, "the-same-key")) is None
        )

        def keep(connection: Connection, job: Job = job) -> None:
            idempotency_keys.keep(connection, "the-same-key", kept, job)

        till.store.write_now(keep)
        found = till.store.read_now(lambda connection: idempotency_keys.jobs_of(connection, "the-same-key"))
        assert [one.id for one in found] == [job.id]


def test_each_person_has_a_cap_of_their_own(tills: Tills) -> None:
    ann = tills.of(ANN, max_usd_per_day_per_person=Decimal(3))
    bea = tills.of(BEA, max_usd_per_day_per_person=Decimal(3))
    ann.buy("2")
    with pytest.raises(
        BudgetExceeded, match=r"you have already spent or reserved 2\.00 of the 3\.00 USD"
    ) as refused:
        ann.buy("1.50")
    assert "SEEDANCE_MAX_USD_PER_DAY_PER_PERSON" in refused.value.hint
    bea.buy("3")
    assert (bea.budget().spent_today_usd, bea.budget().left_today_usd) == (3, 0)
    assert (ann.budget().spent_today_usd, ann.budget().left_today_usd) == (2, 1)
    with pytest.raises(BudgetExceeded, match=r"a whole day of one person is 3\.00 USD"):
        tills.of(OWNER, max_usd_per_day_per_person=Decimal(3), max_usd_per_job=Decimal(9)).buy("4")


def test_each_person_has_so_many_jobs_an_hour(tills: Tills) -> None:
    ann = tills.of(ANN, max_jobs_per_hour_per_person=1)
    ann.buy()
    with pytest.raises(
        BudgetExceeded, match="You have started 1 paid job within the last hour; the limit for one"
    ):
        ann.buy()
    tills.of(BEA, max_jobs_per_hour_per_person=1).buy()


def test_the_caps_of_all_tell_nobody_what_others_have_spent(tills: Tills) -> None:
    limits = {"max_usd_per_day": Decimal("4.25"), "max_jobs_per_hour": 2}
    tills.of(ANN, **limits).buy("3")
    bea = tills.of(BEA, **limits)
    assert bea.budget().spent_today_usd == 0
    assert bea.budget().left_today_usd == Decimal("0.85"), "1.25, in tenths of the cap"
    assert tills.of(OWNER, **limits).budget().left_today_usd == Decimal("1.25")
    with pytest.raises(BudgetExceeded, match="what everybody here has spent") as refused:
        bea.buy("2")
    assert "3.00" not in str(refused.value)
    bea.buy("1")
    with pytest.raises(BudgetExceeded, match="Everybody here together may start 2 paid jobs an hour"):
        bea.buy("0.1")


def test_what_is_held_for_a_film_counts_for_its_person(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    settings = Settings(
        output_dir=tmp_path,
        state_dir=tmp_path,
        confirm="off",
        max_usd_per_day=Decimal(100),
        max_usd_per_day_per_person=Decimal(5),
    )
    FilmTill(store, settings)  # sets the clocks
    ann, bea = (FilmTill(ScopedStore(store, scope), settings) for scope in (ANN, BEA))
    ann.order([take("s1", usd("3"), plan="plan-1")])
    assert ann.budget().spent_today_usd == 3
    with pytest.raises(BudgetExceeded, match="one person"):
        ann.order([take("s1", usd("2.50"), plan="plan-2", film_id="flm_lantern00002")])
    assert (bea.budget().spent_today_usd, bea.budget().left_today_usd) == (0, 5)
    with pytest.raises(FilmNotFound):
        bea.store.read_now(lambda connection: films.find_film(connection, FILM))
    assert bea.store.read_now(lambda connection: films.takes(connection, FILM)) == []
    assert bea.store.read_now(film_orders.open_orders) == []
    assert store.read_now(film_orders.buyers) == ["ann"]
    store.close()


def test_an_agreement_is_its_persons_own(tills: Tills) -> None:
    asks = {"confirm": "ask", "confirm_above_usd": Decimal("0.5")}
    ann, bea = tills.of(ANN, **asks), tills.of(BEA, **asks)
    with pytest.raises(ConfirmationRequired) as asked:
        ann.buy(prompt="a fox")
    code = asked.value.approval
    assert bea.store.read_now(lambda connection: confirmations.asked(connection, code, now=NOW)) is None
    assert not bea.store.write_now(lambda connection: confirmations.approve(connection, code, now=NOW))
    assert bea.store.write_now(lambda connection: confirmations.decline(connection, code, now=NOW)) is None
    assert bea.store.read_now(lambda connection: waiting_questions.waiting(connection, now=NOW)) == []
    assert len(ann.store.read_now(lambda connection: waiting_questions.waiting(connection, now=NOW))) == 1
    with pytest.raises(ConfirmationRequired, match="is unknown"):
        bea.buy(prompt="a fox", token=code)
    assert ann.buy(prompt="a fox", token=code).agreed_by == "assistant"


def test_media_and_incidents_are_their_persons_own(tills: Tills) -> None:
    ann, bea = tills.of(ANN), tills.of(BEA)
    file = MediaFile(
        path=None, url="https://a/b.png", kind="image", mime_type="image/png", bytes=1, sha256="0" * 64
    )
    ann.store.write_now(
        lambda connection: uploads.keep_media(connection, "m1", "https://a/b.png", file, now=NOW)
    )
    assert ann.store.read_now(lambda connection: uploads.find_media(connection, "m1")) is not None
    assert bea.store.read_now(lambda connection: uploads.find_media(connection, "m1")) is None
    job = ann.buy()
    trouble = incidents.Incident(job_id=job.id, doing="It", why="why", times=1, first_at=NOW, last_at=NOW)
    tills.store.write_now(lambda connection: incidents.write(connection, [trouble], NOW))
    told = [till.store.read_now(lambda connection: incidents.read(connection, NOW)) for till in (ann, bea)]
    assert [len(one) for one in told] == [1, 0]


def test_a_look_tells_of_changes_of_its_person_alone(tills: Tills) -> None:
    ann, bea = tills.of(ANN), tills.of(BEA)
    before = {till.store.scope: till.store.read_now(changes.look) for till in (ann, bea)}
    job = ann.buy()
    for till, told in ((ann, [job.id]), (bea, [])):
        now = till.store.read_now(changes.look)
        first = before[till.store.scope]
        assert till.store.read_now(lambda c, a=first, b=now: changes.changed_jobs(c, a, b)) == told
        assert (now.questions, now.films) == (first.questions, first.films)


def test_refused_requests_stop_their_own_person_and_a_refused_key_stops_everybody(tills: Tills) -> None:
    def refuse(code: str, person: str) -> None:
        seller = replace(SELLER, person=person)
        refusal = breakers.Refusal(code=code, message="no", hint="")
        tills.store.write_now(lambda connection: breakers.refused(connection, seller, refusal, now=NOW))

    for _ in range(3):
        refuse("content_rejected", "ann")
    with pytest.raises(breakers.BreakerOpen):
        tills.of(ANN).buy()
    tills.of(BEA).buy()
    tills.of(OWNER).buy()
    refuse(AuthenticationError.code, "ann")
    for scope, person in ((BEA, "bea"), (OWNER, "")):
        refuse("content_rejected", person)  # of what was on its way by then
        with pytest.raises(breakers.BreakerOpen):
            tills.of(scope).buy(prompt="another")


def test_what_a_step_in_the_background_stores_is_the_jobs_persons(tills: Tills) -> None:
    job = tills.of(ANN).sent(tills.of(ANN).buy())
    failed = tills.store.write_now(
        lambda connection: transitions.move(connection, job, JobState.FAILED, now=NOW, by="me")
    )
    assert failed.person == "ann"
    assert finds(tills.of(ANN).store, failed)
    rows = tills.store.read_now(
        lambda connection: connection.execute("SELECT DISTINCT person FROM ledger").fetchall()
    )
    assert rows == [("ann",)]
    assert tills.store.read_now(unbalanced_days) == []


def test_a_record_of_nobody_elses_says_nothing_of_people(tills: Tills) -> None:
    mine, anns = tills.of(OWNER).buy(), tills.of(ANN).buy()
    assert '"person"' not in job_records.dump(mine)
    assert '"person":"ann"' in job_records.dump(anns)


def test_a_token_cannot_change_hands(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with pytest.raises(Conflict):
        store.write_now(
            lambda connection: (
                connection.execute(
                    "INSERT INTO access_tokens (id, name, digest, scopes, created_at, expires_at, person)"
                    " VALUES ('a', 'n', zeroblob(32), 'read', 1, 2, 'ann')"
                ),
                connection.execute("UPDATE access_tokens SET person = 'bea'"),
            )
        )
    store.close()
