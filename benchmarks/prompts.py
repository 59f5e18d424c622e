"""Prompts as people write them, 300 to 600 characters long and no two alike: what a job's record is full of."""

from __future__ import annotations

import random
from collections.abc import Sequence

SHORTEST, LONGEST = 300, 600

_SUBJECTS = """
an elderly fisherman mending a net; two schoolgirls sharing one umbrella; a courier on a rusty bicycle; the last baker
awake in town; a fox with a torn ear; a violinist without shoes; three monks carrying a ladder; a welder behind a visor;
a toddler chasing soap bubbles; the lighthouse keeper's daughter; a taxi driver asleep at the wheel; a heron in the
reeds; a boxer wrapping her hands; an astronaut holding a houseplant; a street magician; a beekeeper in a torn veil;
a marching band; a stray greyhound; a diver surfacing; a clockmaker with a loupe; an empty rocking chair; a paper kite
""".replace("\n", " ").split(";")
_PLACES = """
on a ferry deck before dawn; under the elevated railway; beside a frozen canal; at the edge of a sunflower field; inside
a flooded library; between the stalls of a night market in Taipei; along a basalt cliff; in the glow of a vending machine;
on the roof of a tenement; at a roadside diner in the desert; through knee-high fog; in a greenhouse full of orchids; on
cobblestones still wet from the storm; in front of a shuttered cinema; halfway up a spiral staircase; at platform nine
""".replace("\n", " ").split(";")
_ACTIONS = """
pauses, listens, and slowly turns toward us; lifts a lantern so that its light spills across the wall; drops a coin that
rolls out of frame; laughs quietly at something unseen; folds a letter twice and hides it; stumbles, recovers, and keeps
running; waves once before the crowd swallows them; pours tea without looking; draws a chalk circle; unfastens the gate
and hesitates; hums a tune while the kettle boils; breathes onto the glass and writes a name; catches a falling leaf
""".replace("\n", " ").split(";")
_CAMERAS = """
The camera begins low behind the wheels and rises until the horizon tilts level; Handheld, close, slightly out of breath;
A locked-off wide shot, symmetrical, nothing moves but the curtains; Slow dolly in from the doorway to an extreme
close-up of the eyes; Drone orbit, counter-clockwise, descending; Whip pan, then a long static hold; Rack focus from the
raindrops on the lens to the figure beyond; One unbroken tracking shot at walking pace; Crane up through the branches
""".replace("\n", " ").split(";")
_LOOKS = """
Tungsten practicals against a cobalt dusk, heavy halation, Kodak 500T; Bleached midday sun, dust hanging in every beam;
Muted watercolour palette, paper texture, hand-drawn outlines; Anamorphic flares, teal shadows, a single red accent;
Overcast and soft, skin tones natural, no visible grading; Claymation with fingerprints left in the surface; Black and
white, coarse grain, deep focus; Neon pinks reflected in puddles; Candlelight only, faces half lost in the dark
""".replace("\n", " ").split(";")
_SOUNDS = """
Distant thunder, gulls, rope creaking against wood; No music, only footsteps and a refrigerator's hum; A brass band two
streets away, muffled; She whispers: "Not tonight."; Wind over the microphone, then sudden silence; Tin roof rain builds to
a roar; An announcer mumbles in French; Crickets, a dog, a screen door; A cello holds one long note until the cut
""".replace("\n", " ").split(";")
_EXTRAS = """
Keep the logo off the jacket; Hair and cloth react to the wind; Do not cut; The colours warm up by the third second; Ends
on an empty frame; Leave room for a title at the top left; Motion is slow, about half speed; No text, no captions, no
watermark; Hands must stay anatomically right; The background crowd stays out of focus; Loopable: last frame equals the first
""".replace("\n", " ").split(";")


class Prompts:
    """An endless row of prompts, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def next(self) -> str:
        """Write the next prompt."""
        length = self._random.randint(SHORTEST, LONGEST)
        sentences = list[str]()
        while len(" ".join(sentences)) < length:
            sentences += self._scene()
        return " ".join(sentences)[:length].strip()

    def _scene(self) -> list[str]:
        one, other = self._random.sample(_SUBJECTS, 2)
        number = self._random.randint(3, 4000)
        first = f"{one.strip()} {self._of(_PLACES)} {self._of(_ACTIONS)}".capitalize()
        second = f"Then {other.strip()} {self._of(_ACTIONS)}, {self._of(_PLACES)}"
        third = f"A sign reads {number}"
        rest = [self._of(kind) for kind in (_CAMERAS, _LOOKS, _SOUNDS, _EXTRAS)]
        told = [first, *self._random.sample([second, third, *rest], 4)]
        return [f"{sentence}." for sentence in told]

    def _of(self, kind: Sequence[str]) -> str:
        return self._random.choice(kind).strip()
