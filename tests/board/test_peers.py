"""Whose program is at the other end of a connection to the board."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from seedance_mcp.server.board.peers import holders, is_this_user

TABLE = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1 0 100 0 0 10 0
   1: 0100007F:C0DE 0100007F:1F90 01 00000000:00000000 00:00000000 00000000 65534        0 2 1 0 20 4 30 10 -1
   2: 0000000000000000FFFF00000100007F:C0DF 0000000000000000FFFF00000100007F:1F90 01 0:0 00:0 0  1001        0 3
   3: 00000000000000000000000001000000:C0E1 00000000000000000000000001000000:1F90 01 0:0 00:0 0  1002        0 4
"""


def test_the_kernels_table_names_the_owner_of_the_other_end() -> None:
    lines = TABLE.splitlines()
    assert holders(lines, ("127.0.0.1", 0xC0DE), ("127.0.0.1", 0x1F90)) == [65534]
    assert holders(lines, ("127.0.0.1", 0xC0DF), ("127.0.0.1", 0x1F90)) == [1001]
    assert holders(lines, ("::1", 0xC0E1), ("::1", 0x1F90)) == [1002]
    assert holders(lines, ("127.0.0.1", 0xC0E0), ("127.0.0.1", 0x1F90)) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lists who owns a connection")
def test_ones_own_connection_is_not_another_users(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as own,
    ):
        assert is_this_user(own.getsockname(), server.getsockname())
        monkeypatch.setattr(os, "geteuid", lambda: 4_000_000_000)
        assert not is_this_user(own.getsockname(), server.getsockname())


SHARED = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:C0DE 0100007F:2328 01 00000000:00000000 00:00000000 00000000  1000        0 7 1 0 20 4 30 10 -1
   1: 0100007F:C0DE 0100007F:1F90 01 00000000:00000000 00:00000000 00000000 65534        0 8 1 0 20 4 30 10 -1
   2: 0100007F:C0DF 0100007F:1F90 04 00000000:00000000 00:00000000 00000000     0        0 0 1 0 20 4 30 10 -1
"""
"""Two connections from one address and port to different places, and one that no program holds any more."""


def test_who_holds_a_connection_is_told_by_both_of_its_ends() -> None:
    lines, own = SHARED.splitlines(), ("127.0.0.1", 0x1F90)
    assert holders(lines, ("127.0.0.1", 0xC0DE), own) == [65534]
    assert holders(lines, ("127.0.0.1", 0xC0DF), own) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lists who owns a connection")
def test_who_has_hung_up_is_not_taken_for_the_same_user() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        own = server.getsockname()
        with socket.create_connection(own) as caller:
            peer = caller.getsockname()
            assert is_this_user(peer, own)
        assert not is_this_user(peer, own)
    assert not is_this_user(None, own)
