"""Prices that an administrator has to agree to, at the moment of the reservation."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest

from seedance_mcp.config import load_settings
from seedance_mcp.errors import ApprovalRefused, ApprovalRequired, ConfigError, ConfirmationRequired
from seedance_mcp.store import (
    Approval,
    Connection,
    ScopedStore,
    approvals,
    confirmations,
    waiting_questions,
)
from seedance_mcp.types import OWNER, JobState, Scope

from .film_till import FilmTill, take, usd
from .test_budget import Till

ANN, BEA = Scope(person="ann"), Scope(person="bea")
BOSS = Scope(person="boss", sees_all=True, administers=True)

T = TypeVar("T")


class Office:
    """Tills of several people upon one store, where 2 USD and more need an administrator, and 1 USD a person."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.settings = {
            "confirm": "ask",
            "confirm_above_usd": Decimal("0.5"),
            "approve_above_usd": Decimal("1.5"),
            "max_usd_per_day": Decimal(100),
            "max_jobs_per_hour": 100,
            **settings,
        }
        self._till = Till(folder, **self.settings)

    def of(self, scope: Scope) -> Till:
        """The till of a person."""
        till = copy.copy(self._till)
        till.store = ScopedStore(self._till.store, scope)
        till.count = sum(map(ord, scope.person)) * 100
        return till

    @property
    def now(self) -> float:
        return self._till.now

    def pass_time(self, seconds: float) -> None:
        self._till.pass_time(seconds)

    def write(self, scope: Scope, transaction: Callable[[Connection], T]) -> T:
        return ScopedStore(self._till.store, scope).write_now(transaction)

    def agree(self, scope: Scope, code: str, *, for_call: bool = False) -> bool:
        now = self._till.now
        return self.write(
            scope,
            lambda connection: confirmations.approve(connection, code, now=now, for_call=for_call),
        )

    def refuse(self, scope: Scope, code: str) -> None:
        now = self._till.now
        self.write(scope, lambda connection: confirmations.decline(connection, code, now=now))

    def waiting(self, scope: Scope) -> list[tuple[str, bool, Decimal]]:
        """Whose questions wait, whether for an administrator, and about what."""
        now = self._till.now
        found = self.write(scope, lambda connection: waiting_questions.waiting(connection, now=now))
        return [(one.person, one.code is not None, one.question.price.usd) for one in found]

    def answers(self) -> list[tuple[str, str, str, Decimal, str | None]]:
        """What is on record, oldest first."""
        found: list[Approval] = self.write(BOSS, lambda connection: approvals.recent(connection, 100))
        return [(one.answer, one.administrator, one.person, one.usd, one.job_id) for one in reversed(found)]

    def restarted(self) -> Office:
        """The same after the process was ended, with nothing but what is on disk."""
        self.close()
        return Office(self.folder, **self.settings)

    def close(self) -> None:
        self._till.store.close()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.close()


def asked(till: Till, price: str = "2", **terms: Any) -> ApprovalRequired:
    """The answer to a purchase that waits for an administrator."""
    with pytest.raises(ConfirmationRequired) as waits:
        till.buy(price, prompt="a fox", **terms)
    assert isinstance(waits.value, ApprovalRequired)
    assert waits.value.token is None
    return waits.value


def test_a_second_agreement_is_put_on_record_only_after_a_no(office: Office) -> None:
    ann = office.of(ANN)
    code = asked(ann).approval
    assert office.agree(BOSS, code)
    assert office.agree(BOSS, code)
    assert [answer for answer, *_ in office.answers()] == ["agreed"]
    office.refuse(BOSS, code)
    assert office.agree(BOSS, code)
    assert [answer for answer, *_ in office.answers()] == ["agreed", "refused", "agreed"]


def test_no_word_of_whoever_asks_stands_for_an_administrators(office: Office) -> None:
    ann = office.of(ANN)
    code = asked(ann).approval
    assert not office.agree(ANN, code)
    assert not office.agree(BEA, code)
    assert not office.agree(ANN, code, for_call=True)
    assert not office.agree(OWNER, code)
    brought: list[dict[str, Any]] = [{}, {"token": code}, {"agreed_to": code}, {"confirmed": True}]
    for terms in brought:
        assert asked(ann, **terms).approval == code
    assert office.answers() == []
    assert office.agree(BOSS, code)
    job = ann.buy("2", prompt="a fox")
    assert job.agreed_by == "person"
    assert office.answers() == [
        ("agreed", "boss", "ann", Decimal(2), None),
        ("bought", "boss", "ann", Decimal(2), job.id),
    ]
    assert office.write(ANN, lambda connection: approvals.of_any(connection, [job.id])) is not None
    assert office.write(BEA, lambda connection: approvals.of_any(connection, [job.id])) is None


def test_what_an_administrator_was_asked_is_not_answered_without_that_right(office: Office) -> None:
    with pytest.raises(ConfirmationRequired) as question:
        office.of(replace(ANN, administers=True)).buy("2", prompt="a fox")
    code = question.value.approval
    assert not office.agree(ANN, code)
    assert office.waiting(ANN) == [("ann", True, Decimal(2))]
    assert asked(office.of(ANN)).approval == code
    assert office.agree(replace(ANN, administers=True), code)
    assert office.of(ANN).buy("2", prompt="a fox").person == "ann"


def test_up_to_the_threshold_the_persons_own_agreement_is_enough(office: Office) -> None:
    with pytest.raises(ConfirmationRequired) as question:
        office.of(ANN).buy("1.5", prompt="a fox")
    assert not isinstance(question.value, ApprovalRequired)
    assert question.value.token is not None
    assert office.of(ANN).buy("1.5", prompt="a fox", token=question.value.token).agreed_by == "assistant"
    assert office.answers() == []


def test_what_a_person_agreed_to_before_there_was_a_threshold_is_asked_anew(office: Office) -> None:
    ann = office.of(ANN)
    ann.settings = replace(ann.settings, approve_above_usd=None)
    with pytest.raises(ConfirmationRequired) as question:
        ann.buy("2", prompt="a fox")
    assert office.agree(ANN, question.value.approval)
    ann.settings = replace(ann.settings, approve_above_usd=Decimal("1.5"))
    assert asked(ann).approval != question.value.approval
    ann.settings = replace(ann.settings, approve_above_usd=None)
    assert ann.buy("2", prompt="a fox").agreed_by == "person"


def test_an_agreement_is_for_one_purchase_however_often_it_is_given(office: Office) -> None:
    ann = office.of(ANN)
    code = asked(ann).approval
    assert office.agree(BOSS, code)
    assert office.agree(BOSS, code)
    first = ann.buy("2", prompt="a fox")
    assert not office.agree(BOSS, code)
    assert asked(ann, allow_duplicate=True).approval != code
    assert [one[-1] for one in office.answers() if one[0] == "bought"] == [first.id]


def test_an_agreement_to_a_price_covers_no_higher_one_and_any_lower_one(office: Office) -> None:
    ann = office.of(ANN)
    code = asked(ann, "2").approval
    other = asked(ann, "2.5").approval  # the price rises before anybody agrees
    assert other != code
    assert office.waiting(BOSS) == [("ann", True, Decimal("2.5"))]
    assert office.agree(BOSS, code)
    assert asked(ann, "2.5").approval == other  # and after it
    job = ann.buy("1.8", prompt="a fox")
    assert office.answers()[-1] == ("bought", "boss", "ann", Decimal("1.8"), job.id)


def test_an_agreement_is_for_one_person_and_one_video(office: Office) -> None:
    code = asked(office.of(ANN)).approval
    assert office.agree(BOSS, code)
    asked(office.of(BEA))
    with pytest.raises(ApprovalRequired):
        office.of(ANN).buy("2", prompt="another fox")
    assert office.of(ANN).buy("2", prompt="a fox").person == "ann"


def test_what_was_agreed_to_too_late_or_used_too_late_is_asked_anew(office: Office) -> None:
    ann = office.of(ANN)
    late = asked(ann).approval
    office.pass_time(901)
    ann.now = office.now
    assert not office.agree(BOSS, late)
    code = asked(ann).approval
    assert code != late
    office.pass_time(899)
    assert office.agree(BOSS, code)
    office.pass_time(2)
    ann.now = office.now
    assert asked(ann).approval not in (late, code)


@pytest.mark.parametrize("last", ["agreed", "refused"])
def test_of_an_agreement_and_a_no_the_later_one_counts(office: Office, last: str) -> None:
    ann = office.of(ANN)
    code = asked(ann).approval
    if last == "agreed":
        office.refuse(BOSS, code)
        with pytest.raises(ApprovalRefused, match="Nothing was bought"):
            ann.buy("2", prompt="a fox")
        assert office.agree(BOSS, code)
        assert ann.buy("2", prompt="a fox").state is JobState.RESERVED
    else:
        assert office.agree(BOSS, code)
        office.refuse(BOSS, code)
        for price in ("2", "1.9"):
            with pytest.raises(ApprovalRefused):
                ann.buy(price, prompt="a fox")
        office.pass_time(901)
        ann.now = office.now
        asked(ann)
    assert [one[0] for one in office.answers()][:2] == (
        ["refused", "agreed"] if last == "agreed" else ["agreed", "refused"]
    )


def test_who_asks_can_take_the_question_back_and_ask_again(office: Office) -> None:
    ann = office.of(ANN)
    code = asked(ann).approval
    assert office.agree(BOSS, code)
    office.refuse(ANN, code)
    assert asked(ann).approval != code
    assert [one[0] for one in office.answers()] == ["agreed"]


def test_an_agreement_outlives_the_process_and_buys_once(office: Office) -> None:
    code = asked(office.of(ANN)).approval
    assert office.agree(BOSS, code)
    again = office.restarted()
    try:
        job = again.of(ANN).buy("2", prompt="a fox")
        assert again.answers()[-1] == ("bought", "boss", "ann", Decimal(2), job.id)
        asked(again.of(ANN), allow_duplicate=True)
    finally:
        again.close()


def test_everybodys_questions_are_seen_by_administrators_alone(office: Office) -> None:
    asked(office.of(ANN))
    asked(office.of(BEA))
    assert office.waiting(ANN) == [("ann", True, Decimal(2))]
    assert office.waiting(OWNER) == []
    assert office.waiting(BOSS) == [("bea", True, Decimal(2)), ("ann", True, Decimal(2))]


def test_what_an_administrator_buys_with_their_own_yes_is_on_record(office: Office) -> None:
    boss = office.of(replace(BOSS, sees_all=False))
    job = boss.buy("2", prompt="a fox", confirmed=True)
    assert office.answers() == [("bought", "boss", "boss", Decimal(2), job.id)]
    with pytest.raises(ConfirmationRequired) as question:
        boss.buy("2", prompt="another", token="")
    assert question.value.token is None  # no assistant's word, theirs neither
    assert office.agree(replace(BOSS, sees_all=False), question.value.approval, for_call=True)
    assert boss.buy("2", prompt="another", agreed_to=question.value.approval).agreed_by == "person"


def test_it_holds_where_nobody_else_is_asked_and_for_unknown_prices(tmp_path: Path) -> None:
    office = Office(tmp_path, confirm="off")
    ann = office.of(ANN)
    assert ann.buy("1.5").agreed_by is None
    asked(ann)
    with pytest.raises(ApprovalRequired):
        ann.buy("1", prompt="who knows", known=False, max_usd=Decimal(1))
    office.close()


def test_a_film_counts_as_a_whole(office: Office) -> None:
    ann = office.of(ANN)
    film = FilmTill(ann.store, ann.settings)
    rows = [take("one", usd("0.8")), take("two", usd("0.8"))]
    with pytest.raises(ApprovalRequired) as waits:
        film.order(rows, confirmed=True)
    code = waits.value.approval
    assert not office.agree(ANN, code)
    assert office.agree(BOSS, code)
    order = film.order(rows)
    assert order.agreed_by == "person"
    assert office.answers()[-1] == ("bought", "boss", "ann", Decimal("1.6"), order.film_id)
    assert film.draw(rows[0])[0].person == "ann"


@pytest.mark.parametrize(
    ("confirm", "above", "wrong"),
    [("ask", "0.5", True), ("strict", "1", False), ("off", "0.5", False), ("ask", "x", True)],
)
def test_the_threshold_is_not_below_the_one_for_everybody(
    tmp_path: Path, confirm: str, above: str, wrong: bool
) -> None:
    environ = {
        "SEEDANCE_STATE_DIR": str(tmp_path),
        "SEEDANCE_OUTPUT_DIR": str(tmp_path),
        "SEEDANCE_CONFIRM": confirm,
        "SEEDANCE_APPROVE_ABOVE_USD": above,
    }
    if not wrong:
        assert load_settings(environ, settings_file=tmp_path / "no.toml").approve_above_usd == Decimal(above)
        return
    with pytest.raises(ConfigError, match="SEEDANCE_APPROVE_ABOVE_USD"):
        load_settings(environ, settings_file=tmp_path / "no.toml")
