"""Codes, tokens and the proof between two processes of one user."""

from __future__ import annotations

from seedance_mcp.server.board.sessions import Sessions, prove


class Clock:
    """A clock that a test sets, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_code_is_good_for_a_minute() -> None:
    clock = Clock()
    sessions = Sessions("secret", clock)
    early, late = sessions.code(), sessions.code()
    clock.now += 60
    token = sessions.open(early)
    assert token
    assert sessions.knows(token)
    clock.now += 0.1
    assert sessions.open(late) is None
    assert sessions.open(early) is None
    assert sessions.knows(token)  # a minute later nobody can have read it on its way


def test_tokens_and_codes_are_long_and_never_the_same() -> None:
    sessions = Sessions("secret")
    codes = [sessions.code() for _ in range(50)]
    tokens = [sessions.open(code) or "" for code in codes]
    assert len(set(codes)) == len(set(tokens)) == 50
    assert {len(code) for code in codes} == {24}
    assert {len(token) for token in tokens} == {43}


def test_many_sessions_end_the_oldest() -> None:
    sessions = Sessions("secret")
    tokens = [sessions.open(sessions.code()) or "" for _ in range(51)]
    assert [sessions.knows(token) for token in tokens] == [False, *[True] * 50]


def test_both_processes_prove_to_know_the_secret_and_neither_tells_it() -> None:
    sessions, nonce = Sessions("secret"), "n" * 32
    given = sessions.answer_to(nonce, prove(b"secret", "ask", nonce))
    assert given
    assert given["proof"] == prove(b"secret", "give", nonce + given["code"])
    assert sessions.open(given["code"])
    assert "secret" not in str(given)
    for wrong in (
        prove(b"other", "ask", nonce),
        prove(b"secret", "give", nonce),
        prove(b"secret", "ask", "m" * 32),
        "é",
    ):
        assert sessions.answer_to(nonce, wrong) is None


def test_a_video_has_another_address_in_every_process() -> None:
    one, other = Sessions("secret"), Sessions("secret")
    mark = one.media_path("job_a").split("/")[2]
    assert one.may_play(mark, "job_a")
    assert not one.may_play(mark, "job_b")
    assert not other.may_play(mark, "job_a")
    assert not one.may_play("é", "job_a")
