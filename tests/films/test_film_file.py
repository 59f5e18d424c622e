"""What lies in a film's folder: the film, its captions and its contact sheet; and what is told of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from seedance_mcp.films import exported_shots, sheets_of, sheets_of_shots
from seedance_mcp.types import PurchaseTerms
from tests.media.crafting import film, plain, sine

from .place import Studio, opened, shot, states, storyboard

HALF_A_SECOND = {"kind": "dissolve", "seconds": 0.5}


async def joined(studio: Studio, film_id: str) -> tuple[Path, tuple[str, ...]]:
    """Make the film as an animatic; the folder of its files, and what is told of them."""
    made = await studio.make(film_id, await studio.app.films.plan(film_id, "animatic"))
    assert made.status == "succeeded", made.problems
    assert made.film_path is not None
    return Path(made.film_path).parent, tuple(one.line for one in made.advice)


async def test_beside_the_film_lie_its_captions_and_its_sheet(tmp_path: Path) -> None:
    async with opened(tmp_path) as studio:
        document = storyboard(
            shot("a", says=[{"text": "Come home."}]), shot("b", enter=HALF_A_SECOND), loudness_lufs=None
        )
        film_id = await studio.read(document)
        folder, notes = await joined(studio, film_id)
        names = ["film-animatic.jpg", "film-animatic.mp4", "film-animatic.srt", "film-animatic.vtt"]
        assert sorted(path.name for path in folder.iterdir()) == names
        assert notes == ("All pictures were rendered once, as b begins with a transition. [film_rendered]",)
        with Image.open(folder / "film-animatic.jpg") as sheet:
            assert sheet.width > sheet.height > 100

        # It is joined again, with less to be read, and where its sheet cannot lie.
        document["captions"] = {"show": False}
        await studio.read(document)
        for name in ("film-animatic.mp4", "film-animatic.jpg"):
            (folder / name).unlink()
        (folder / "film-animatic.jpg").mkdir()
        (folder / "film-animatic-2.jpg").write_bytes(b"of a longer film")
        (folder / "mine.jpg").write_bytes(b"mine")
        _, notes = await joined(studio, film_id)
        kept = ["film-animatic.jpg", "film-animatic.mp4", "mine.jpg"]
        assert sorted(path.name for path in folder.iterdir()) == kept
        assert notes[1].startswith("The contact sheet of the film was not drawn: ")
        assert (await studio.app.films.find(film_id)).sheet_path is None


async def test_the_sheet_that_is_drawn_anew_is_that_of_the_film(tmp_path: Path) -> None:
    async with opened(tmp_path) as studio:
        film_id = await studio.read(storyboard(shot("a"), shot("b", continues="last_frame")))
        made = await studio.make(film_id, await studio.app.films.plan(film_id, "animatic"))
        assert made.sheet_path
        joined = Path(made.sheet_path).read_bytes()
        # A placeholder does not begin on the picture that it continues, so the film leaves out none.
        (drawn,) = await sheets_of(made)
        assert drawn.sheet.jpeg == joined
        (exported,) = await sheets_of_shots(await exported_shots(made))
        assert exported.sheet.jpeg == joined


@pytest.mark.parametrize(
    ("music", "told"),
    [
        ("nothing.mp3", "no file"),
        ("https://music.example/tune.mp3", "has to be a file on this machine"),
        ("picture.png", "has no sound"),
    ],
)
async def test_music_that_cannot_be_used_is_told_before_anything_is_bought(
    music: str, told: str, tmp_path: Path
) -> None:
    Image.new("RGB", (32, 32)).save(tmp_path / "picture.png")
    async with opened(tmp_path, watch=False) as studio:
        film_id = await studio.read(storyboard(music={"file": music}))
        plan = await studio.app.films.plan(film_id, "animatic")
        (problem,) = plan.problems
        assert problem.startswith("music.file: ")
        assert told in problem


async def test_who_may_not_read_its_files_leaves_the_film_to_who_may(tmp_path: Path) -> None:
    Image.new("RGB", (640, 360)).save(tmp_path / "picture.png")
    sound = film(tmp_path / "music.mp4", plain(2, (0, 0, 0)), sound=sine(1.0, -6))
    document = storyboard(
        shot("a", first_frame="picture.png"), model="seedance-1.0-pro", music={"file": sound.name}
    )
    async with opened(tmp_path, watch=False) as terminal:
        film_id = await terminal.read(document)
        plan = await terminal.app.films.plan(film_id, "animatic")
        await terminal.app.films.make(film_id, plan.token, PurchaseTerms())
    async with opened(tmp_path, watch=False, SEEDANCE_MEDIA_DIRS=str(tmp_path / "other")) as server:
        for _ in range(2):
            await server.app.films.advance()
        seen = await server.app.films.find(film_id)
        assert (seen.status, seen.shots[0].state) == ("making", "making")
        assert "outside the folders" in seen.problems[0]
    async with opened(tmp_path) as terminal:
        made = await terminal.ended(film_id)
        assert (made.status, made.problems) == ("succeeded", ())


async def test_who_may_not_read_a_picture_does_not_say_that_it_is_another(tmp_path: Path) -> None:
    Image.new("RGB", (640, 360)).save(tmp_path / "picture.png")
    cast = {"anna": {"looks": "short hair", "images": ["picture.png"]}}
    shots = [shot("a", prompt="@anna waits"), shot("b", prompt="@anna goes", first_frame="picture.png")]
    async with opened(tmp_path) as terminal:
        film_id = await terminal.read(storyboard(*shots, model="seedance-1.0-pro", cast=cast))
        await terminal.make(film_id, await terminal.app.films.plan(film_id, "animatic"))
        shots[1]["id"] = "c"
        await terminal.read(storyboard(shots[0], shots[1], model="seedance-1.0-pro", cast=cast))
        known = await terminal.app.films.find(film_id)
    async with opened(tmp_path, watch=False, SEEDANCE_MEDIA_DIRS=str(tmp_path / "other")) as server:
        seen = await server.app.films.find(film_id)
        plan = await server.app.films.plan(film_id, "animatic")
    assert states(known) == {"a": "current", "c": "current"}
    assert [one.problems[1:] for one in (seen, plan)] == [known.problems, ()]
    assert states(seen) == states(plan) == states(known)
    for told in (seen, plan):
        problem = told.problems[0]
        assert problem.startswith(f"cast.anna.images[1]: {tmp_path / 'picture.png'} is outside the folders")
        assert "SEEDANCE_MEDIA_DIRS" in problem
