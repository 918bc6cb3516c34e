"""Demo scenes of places: a city at dusk, a sea, a wood at night, and the still of a lake.

Each class is one scene: `Scene()(frame)` draws that frame as 8-bit RGB, always the same one.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import ImageDraw

from otio_bridge.testing.demo_paint import (
    HEIGHT,
    RGB,
    WIDTH,
    Film,
    Floats,
    Picture,
    glow,
    gradient,
    lay,
    noise,
    pan,
    ridge,
    ripples,
    strip,
)


def _mirrored(above: Floats, depth: int, phase: float, *, swing: float = 5.0) -> Floats:
    """The lower part of the picture as rippling water shows it, `depth` rows."""
    rows = np.arange(depth, dtype=np.float32)
    wobble = np.sin(rows * 0.55 + phase * 0.35) * (rows / depth) * 2.5
    source = np.clip(above.shape[0] - 1 - rows * 1.25 + wobble, 0, above.shape[0] - 1).astype(np.intp)
    shift = (
        np.sin(rows * 0.9 - phase * 0.5) * swing * (rows / depth) + np.sin(rows * 0.23 + phase * 0.2) * 1.5
    )
    columns = (np.arange(WIDTH)[None, :] + shift[:, None].astype(np.intp)) % WIDTH
    below: Floats = above[source[:, None], columns]
    return below


class Skyline:
    """A city across a river at dusk; the camera tracks right, cars cross the bridge."""

    _WATER = 250

    def __init__(self) -> None:
        self._film = Film(1)
        self._sky = gradient(
            [
                (0, (0.07, 0.07, 0.20)),
                (0.22, (0.34, 0.18, 0.42)),
                (0.45, (0.90, 0.40, 0.38)),
                (0.62, (1.0, 0.70, 0.42)),
            ]
        )
        clouds = noise(2, 200, WIDTH * 2, across=6, down=5)
        veil = (
            np.clip(clouds - 0.5, 0, 1)[..., None]
            * np.linspace(0.3, 1.2, 200, dtype=np.float32)[:, None, None]
        )
        self._clouds = np.concatenate([veil * np.array([1.0, 0.55, 0.45], np.float32), veil * 0.8], axis=2)
        far, middle, near = (92, 52, 92), (52, 32, 66), (20, 15, 34)
        self._towers = [
            (self._city(3, far, 150, lit=0.10), 0.5),
            (self._city(4, middle, 120, lit=0.30), 1.1),
            (self._city(5, near, 76, lit=0.45), 2.0),
        ]

    def _city(self, seed: int, colour: RGB, tallest: int, *, lit: float) -> Floats:
        source = np.random.default_rng(seed)

        def draw(canvas: ImageDraw.ImageDraw, scale: int) -> None:
            x = -10
            while x < 1300:
                wide, high = int(source.integers(22, 54)), int(source.integers(tallest // 3, tallest))
                box = (x * scale, (190 - high) * scale, (x + wide) * scale, 190 * scale)
                canvas.rectangle(box, fill=(*colour, 255))
                if source.random() < 0.3:
                    mast = (x + wide // 2) * scale
                    canvas.line(
                        (mast, (176 - high) * scale, mast, (190 - high) * scale), fill=(*colour, 255), width=2
                    )
                for up in range(6, high - 6, 7):
                    for across in range(4, wide - 5, 6):
                        if source.random() < lit:
                            warm = int(source.integers(120, 215))
                            left, top = (x + across) * scale, (190 - up) * scale
                            window = (left, top, left + 3 * scale - 2, top + 4 * scale - 2)
                            canvas.rectangle(window, fill=(255, warm, warm // 2, 230))
                x += wide + int(source.integers(0, 9))

        return strip(1300, 190, draw)

    def __call__(self, frame: int) -> Picture:
        """Draw one frame."""
        picture = self._sky.copy()
        pan(picture, self._clouds, 10 + frame * 0.4)
        for towers, speed in self._towers:
            pan(picture, towers, 10 + frame * speed, self._WATER - 190)
        for car in range(18):
            away = car % 2 == 0
            x = (car * 97 + (frame * 3.1 if away else -frame * 2.6)) % (WIDTH + 60) - 30
            glow(
                picture,
                x,
                self._WATER - 5 - 2 * away,
                1.8,
                (1.0, 0.25, 0.15) if away else (1.0, 0.95, 0.8),
                1.2,
            )
        picture[self._WATER - 3 : self._WATER] *= 0.35
        water = _mirrored(picture[: self._WATER], HEIGHT - self._WATER, frame, swing=7)
        picture[self._WATER :] = water * np.array([0.62, 0.6, 0.78], np.float32)
        return self._film.expose(picture, frame)


class Sea:
    """A low sun over the sea, a boat on the swell."""

    _HORIZON = 190

    def __init__(self) -> None:
        self._film = Film(10)
        self._sky = gradient(
            [
                (0, (0.20, 0.36, 0.56)),
                (0.3, (0.62, 0.60, 0.62)),
                (0.5, (1.0, 0.76, 0.44)),
                (0.54, (1.0, 0.86, 0.6)),
            ]
        )
        rows = np.arange(1, HEIGHT - self._HORIZON + 1, dtype=np.float32)[:, None]
        columns = np.arange(WIDTH, dtype=np.float32)[None, :] - 400
        self._away = 5200 / (rows + 6)  # how far each row is, and each of its pixels to the side
        self._aside = columns * self._away / 330
        self._calm = np.clip(rows / 26, 0.12, 1)  # waves are too small to be seen at the horizon
        self._path = np.exp(-((columns / (24 + rows * 1.05)) ** 2))
        self._waves = [ripples(seed, 1024) for seed in (12, 13)]
        self._deep = gradient(
            [(0, (0.72, 0.58, 0.46)), (0.15, (0.20, 0.34, 0.42)), (1, (0.03, 0.13, 0.20))], 170
        )
        streaks = np.clip(noise(11, 190, WIDTH * 2, across=3, down=16) - 0.52, 0, 1)[..., None]
        self._clouds = np.concatenate([streaks * np.array([1.5, 1.1, 0.9], np.float32), streaks], axis=2)

    def __call__(self, frame: int) -> Picture:
        """Draw one frame."""
        picture = self._sky.copy()
        glow(picture, 400, 160 + frame * 0.12, 70, (0.5, 0.28, 0.08), 0.9)
        glow(picture, 400, 160 + frame * 0.12, 17, (1.0, 0.8, 0.5), 1.5)
        pan(picture, self._clouds, 5 + frame * 0.5)
        swell, chop = (
            waves[
                (self._away * stretch + frame * toward).astype(np.intp) % 1024,
                (self._aside * stretch * 0.45 + frame * sideways).astype(np.intp) % 1024,
            ]
            for waves, stretch, toward, sideways in zip(
                self._waves, (2.6, 6.2), (3.6, 6.5), (1.1, -2.0), strict=True
            )
        )
        light = (0.20 * swell + 0.13 * chop) * self._calm
        glitter = np.clip((swell + chop) * 0.5 - 0.3, 0, 1) * self._path * 1.8
        sea = self._deep * (1 + light[..., None])
        sea += glitter[..., None] * np.array([1.0, 0.8, 0.5], np.float32)
        picture[self._HORIZON :] = sea
        self._boat(picture, frame)
        return self._film.expose(picture, frame)

    def _boat(self, picture: Floats, frame: int) -> None:
        bob, lean = math.sin(frame * 0.16) * 2, math.sin(frame * 0.11) * 3
        x, y = 150 + frame * 0.7, 212 + bob

        def draw(canvas: ImageDraw.ImageDraw, s: int) -> None:
            hull = [(10, 66), (62, 66), (54, 76), (18, 76)]
            sail = [(34 + lean, 6), (34, 62), (60 + lean / 2, 60)]
            jib = [(31 + lean, 12), (31, 62), (12 + lean / 2, 62)]
            for shape, shade in ((hull, (28, 22, 30)), (sail, (62, 44, 48)), (jib, (82, 58, 56))):
                canvas.polygon([(a * s, b * s) for a, b in shape], fill=(*shade, 255))

        boat = strip(74, 80, draw)
        lay(picture, boat, round(x), round(y) - 72)


class Wood:
    """A wood at night: the camera moves sideways, fireflies wander between the trunks."""

    def __init__(self) -> None:
        self._film = Film(50, grain=0.01)
        self._sky = gradient([(0, (0.03, 0.08, 0.13)), (0.55, (0.12, 0.30, 0.34)), (1, (0.03, 0.08, 0.09))])
        glow(self._sky, 450, 120, 120, (0.25, 0.42, 0.40), 0.9)
        mist = noise(51, HEIGHT, WIDTH * 2, across=5, down=3)[..., None]
        mist = np.clip(mist - 0.35, 0, 1) * np.linspace(0, 1.1, HEIGHT, dtype=np.float32)[:, None, None]
        self._mist = np.concatenate([mist * np.array([0.30, 0.52, 0.52], np.float32), mist * 0.7], axis=2)
        self._trunks = [
            (self._trees(52, (40, 84, 92), 46, 7), 0.5),
            (self._trees(53, (18, 46, 54), 26, 13), 1.2),
            (self._trees(54, (5, 14, 18), 9, 24), 2.6),
        ]
        source = np.random.default_rng(55)
        self._flies = source.random((34, 4)).tolist()

    @staticmethod
    def _trees(seed: int, colour: RGB, count: int, thick: int) -> Floats:
        source = np.random.default_rng(seed)

        def draw(canvas: ImageDraw.ImageDraw, s: int) -> None:
            for _ in range(count):
                x, wide, lean = (
                    source.random() * 1100,
                    thick * source.uniform(0.6, 1.3),
                    source.uniform(-16, 16),
                )
                trunk = [
                    (x + lean, -4),
                    (x + lean + wide * 0.7, -4),
                    (x + wide * 1.2, HEIGHT),
                    (x - wide * 0.2, HEIGHT),
                ]
                canvas.polygon([(a * s, b * s) for a, b in trunk], fill=(*colour, 255))
                for _ in range(5):
                    y, reach = source.uniform(0, 210), source.uniform(-70, 70)
                    start = (x + lean * (1 - y / HEIGHT) + wide / 2, y)
                    end = (start[0] + reach, y - abs(reach) * source.uniform(0.2, 0.7))
                    line = [(start[0] * s, start[1] * s), (end[0] * s, end[1] * s)]
                    canvas.line(line, fill=(*colour, 255), width=max(2, int(thick * 0.22 * s)))

        return strip(1100, HEIGHT, draw)

    def __call__(self, frame: int) -> Picture:
        """Draw one frame."""
        picture = self._sky.copy()
        for depth, (trees, speed) in enumerate(self._trunks):
            pan(picture, trees, 10 + frame * speed)
            if depth < 2:
                pan(picture, self._mist, 10 + frame * (0.8 + depth))
            for fly in self._flies[depth::3]:
                a, b, c, d = fly
                x = (a * WIDTH + math.sin(frame * 0.05 + c * 9) * 60 - frame * speed) % WIDTH
                y = 120 + b * 200 + math.sin(frame * 0.07 + d * 9) * 24
                pulse = 0.35 + 0.65 * max(0.0, math.sin(frame * 0.12 + d * 12))
                glow(picture, x, y, 2 + depth * 1.6, (0.85, 1.0, 0.35), pulse)
                glow(picture, x, y, 8 + depth * 5, (0.35, 0.45, 0.1), pulse * 0.5)
        return self._film.expose(picture, frame)


class Lake:
    """A still: mountains over a lake at dawn."""

    def __call__(self, frame: int = 0) -> Picture:
        """Draw the picture; it is the same for every frame."""
        picture = gradient([(0, (0.34, 0.48, 0.70)), (0.4, (0.90, 0.72, 0.70)), (0.55, (1.0, 0.86, 0.68))])
        glow(picture, 210, 190, 90, (0.5, 0.35, 0.15), 0.7)
        for seed, colour, rough, base, top in (
            (61, (150, 134, 160), 30, 92, 30),
            (62, (98, 98, 132), 34, 80, 60),
            (63, (52, 66, 92), 22, 46, 90),
            (64, (22, 38, 48), 9, 22, 120),
        ):
            pan(picture, ridge(seed, WIDTH + 40, 210 - top, colour, rough=rough, base=base), 4, top)
        water = _mirrored(picture[:210], HEIGHT - 210, 0, swing=3)
        picture[210:] = water * np.array([0.78, 0.84, 0.92], np.float32)
        return Film(60, grain=0.006).expose(picture, 0)
