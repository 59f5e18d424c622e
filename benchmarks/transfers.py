"""
How fast 200 MB come in and go out, against `curl` on the same connection, and how much memory that takes.

The download is what brings a job's result into its unfinished file; the look into it afterwards is left out, and its
hash has a line of its own. The upload begins with the copy without hidden data, as that of every local file does: `curl`
sends a plain copy.

    python -m benchmarks transfers
"""

from __future__ import annotations

import hashlib
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import anyio
from pydantic import SecretStr

from benchmarks.loopback import serving
from benchmarks.measures import Measure
from benchmarks.programs import peak_megabytes, seconds
from seedance_mcp.catalog import Catalog
from seedance_mcp.config import load_settings
from seedance_mcp.jobs.local_files.outgoing_copies import leaving
from seedance_mcp.jobs.local_files.parts import Part
from seedance_mcp.jobs.results.downloads import Download
from seedance_mcp.jobs.results.transfer import Route, transfer
from seedance_mcp.providers import Access, addresses, create
from seedance_mcp.types import MediaFile

SMALL, LARGE = 10_000_000, 200_000_000
DOWNLOADS, UPLOADS = 9, 5
WIDTH, HEIGHT, FPS = 1920, 1080, 24


def clip(path: Path, size: int) -> MediaFile:
    """Write a film of about so many bytes, some 50 Mbit/s as a camera makes them: one second, over and over."""
    import av
    import numpy as np

    random = np.random.default_rng(1)
    blocks = np.kron(random.integers(0, 255, (HEIGHT // 8, WIDTH // 8), np.uint8), np.ones((8, 8), np.uint8))
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as film:
        options = {"preset": "veryfast", "crf": "24", "g": str(FPS), "bf": "0"}
        stream = film.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        packets: list[av.Packet] = []
        for number in range(FPS):
            luma = np.roll(blocks, 3 * number, 1) // 2 + random.integers(0, 40, (HEIGHT, WIDTH), np.uint8)
            grey = np.full((HEIGHT // 2, WIDTH), 128, np.uint8)
            frame = av.VideoFrame.from_ndarray(
                np.concatenate([luma, grey]).astype(np.uint8), format="yuv420p"
            )
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        number = written = 0
        while written < size:
            model = packets[number % FPS]
            packet = av.Packet(bytes(model))
            packet.stream, packet.is_keyframe = stream, model.is_keyframe
            packet.pts = packet.dts = number
            packet.time_base, packet.duration = Fraction(1, FPS), 1
            film.mux(packet)
            number, written = number + 1, written + packet.size
    content = path.read_bytes()
    return MediaFile(
        kind="video",
        path=path,
        mime_type="video/mp4",
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        width=WIDTH,
        height=HEIGHT,
        duration_seconds=number / FPS,
        fps=FPS,
        video_codec="h264",
    )


def download(url: str, folder: Path, *, hashed: bool = False) -> float:
    """Fetch a result into an unfinished file, with its hash or without; how long that took."""
    part = folder / "job.part"
    Part(part).discard()
    route = Route(trusted=frozenset((addresses.endpoint(url),)))

    async def fetch() -> float:
        began = time.perf_counter()
        if hashed:
            await Download(url, part, route).fetch()
        else:
            await transfer(url, Part(part), route, None)
        return time.perf_counter() - began

    took = anyio.run(fetch)
    Part(part).discard()
    return took


def upload(file: MediaFile, url: str, folder: Path) -> float:
    """Make the copy that may leave and send it, as for a purchase; how long that took."""
    assert file.path is not None
    environ = {
        "SEEDANCE_STATE_DIR": str(folder / "state"),
        "SEEDANCE_OUTPUT_DIR": str(folder / "videos"),
        "SEEDANCE_MEDIA_DIRS": str(file.path.parent),
        "HOME": str(folder),
        "PATH": "",
    }
    settings = load_settings(environ, settings_file=folder / "none.toml")
    base_url = url.rpartition("/")[0]

    async def send() -> float:
        provider = create(
            Catalog.load().provider("atlas"), Access(key=SecretStr("key"), base_url=base_url, folder=folder)
        )
        try:
            began = time.perf_counter()
            async with leaving(file, settings=settings, instance="benchmark") as copy:
                await provider.upload(copy)
            return time.perf_counter() - began
        finally:
            await provider.close()

    return anyio.run(send)


def curl_download(url: str, folder: Path) -> float:
    """Let `curl` fetch into a file."""
    target = folder / "curl.mp4"
    took = seconds(["curl", "-sS", "-o", str(target), url])
    target.unlink()
    return took


def curl_upload(file: MediaFile, url: str, folder: Path) -> float:
    """Copy the file and let `curl` send the copy as a form."""
    assert file.path is not None
    copy = folder / "curl.mp4"
    began = time.perf_counter()
    shutil.copyfile(file.path, copy)
    seconds(["curl", "-sS", "-o", os.devnull, "-F", f"file=@{copy};type=video/mp4", url])
    took = time.perf_counter() - began
    copy.unlink()
    return took


def speeds(ours: Callable[[], float], theirs: Callable[[], float], rounds: int) -> tuple[float, float]:
    """Do both in turn, once unmeasured; the medians in megabytes a second."""
    pairs = [(ours(), theirs()) for _ in range(rounds + 1)][1:]
    own, other = (statistics.median(column) for column in zip(*pairs, strict=True))
    return LARGE / 1e6 / own, LARGE / 1e6 / other


def growth(work: Callable[..., object], small: tuple[object, ...], large: tuple[object, ...]) -> float:
    """How many megabytes more the large one takes, each in a process of its own. Only on Linux."""
    return peak_megabytes(work, *large) - peak_megabytes(work, *small)


def measure() -> list[Measure]:
    """Move files both ways; nothing where `curl` is not installed."""
    if shutil.which("curl") is None:
        print("transfers: left out, curl is not installed", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        small, large = clip(folder / "small.mp4", SMALL), clip(folder / "large.mp4", LARGE)
        assert small.path is not None
        assert large.path is not None
        with serving(large.path) as url, serving(small.path) as small_url:
            plain = speeds(lambda: download(url, folder), lambda: curl_download(url, folder), DOWNLOADS)
            hashed = statistics.median(download(url, folder, hashed=True) for _ in range(3))
            sent = speeds(
                lambda: upload(large, url, folder), lambda: curl_upload(large, url, folder), UPLOADS
            )
            found = [
                Measure(
                    name="download of 200 MB",
                    ours=plain[0],
                    unit="MB/s",
                    reference=plain[1],
                    against="curl -o",
                    at_least=0.85,
                ),
                Measure(name="download of 200 MB with its hash", ours=LARGE / 1e6 / hashed, unit="MB/s"),
                Measure(
                    name="upload of 200 MB with its clean copy",
                    ours=sent[0],
                    unit="MB/s",
                    reference=sent[1],
                    against="cp and curl -F",
                    at_least=0.8,
                ),
            ]
            if sys.platform == "linux":
                found += [
                    Measure(
                        name="memory of a download, 200 MB against 10 MB",
                        ours=growth(download, (small_url, folder), (url, folder)),
                        unit="MB",
                        at_most=20,
                    ),
                    Measure(
                        name="memory of an upload, 200 MB against 10 MB",
                        ours=growth(upload, (small, small_url, folder), (large, url, folder)),
                        unit="MB",
                        at_most=20,
                    ),
                ]
    return found
