"""The board: one page, shown in a chat as an MCP App and in the browser by a local server."""
