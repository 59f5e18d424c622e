# The server in a container: for an assistant that starts it with `docker run -i` (docs/publishing.md), and for a team, by the
# commands `serve`, `work` and `migrate` (docs/team.md).
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY seedance_mcp ./seedance_mcp
RUN pip install --no-cache-dir --prefix=/installed "/source[team]"

FROM python:3.13-slim
# [[[cog
# import tables
# cog.outl(tables.labels())
# ]]]
LABEL io.modelcontextprotocol.server.name="io.github.OWNER/seedance-mcp" \
      org.opencontainers.image.title="Seedance Videos" \
      org.opencontainers.image.description="Make Seedance videos from an AI assistant: price first, one payment, the finished MP4 on disk." \
      org.opencontainers.image.version="0.2.0" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="https://github.com/OWNER/seedance-mcp"
# [[[end]]]
COPY --from=build /installed /usr/local
RUN useradd --create-home --uid 1000 seedance \
    && install -d -o seedance -g seedance /videos /state
USER 1000
# Nothing outlives a container, so nobody is left behind in it; the next start goes on with open jobs.
# Settings and keys come as a file, /etc/seedance-mcp/config.toml, or as variables. Nothing is written but into the two volumes
# and /tmp, so that the root may be read-only.
ENV SEEDANCE_OUTPUT_DIR=/videos \
    SEEDANCE_STATE_DIR=/state \
    SEEDANCE_DETACH=0 \
    XDG_CONFIG_HOME=/etc
# The caps of the day and every job are in /state: without a volume that is kept, each start begins with a fresh budget.
VOLUME ["/videos", "/state"]
EXPOSE 8765
# A container that does not serve is as healthy as its process.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import sys, urllib.request as web; served = b'serve' in open('/proc/1/cmdline', 'rb').read().split(b'\\0'); sys.exit(served and web.urlopen('http://127.0.0.1:8765/health/live', timeout=4).status != 200)"]
ENTRYPOINT ["seedance-mcp"]
