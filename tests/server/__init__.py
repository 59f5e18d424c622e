"""The MCP server, asked as its clients ask it."""
