"""The board for several people, at `/board` of the server over HTTP: each signs in with a token, and sees what is theirs."""
