"""Demo scenes in which something moves: a train, rain on a window, a walker.

Each class is one scene: `Scene()(frame)` draws that frame as 8-bit RGB, always the same one.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from otio_bridge.testing.demo_paint import (
    HEIGHT,
    WIDTH,
    Film,
    Floats,
    Picture,
    glow,
    gradient,
    lay,
    pan,
    ridge,
    strip,
)


class Train:
    """A night train crosses a valley; the exposure flutters, as with a badly shielded lamp."""

    def __init__(self) -> None:
        self._film = Film(20)
        self._sky = gradient([(0, (0.04, 0.10, 0.22)), (0.5, (0.16, 0.36, 0.48)), (0.7, (0.62, 0.66, 0.60))])
        source = np.random.default_rng(21)
        for x, y, bright in zip(
            source.random(60) * WIDTH, source.random(60) * 130, source.random(60), strict=True
        ):
            glow(self._sky, x, y, 0.8, (0.8, 0.9, 1.0), bright)
        self._hills = [
            (ridge(22, 1300, 200, (56, 92, 112), rough=46, base=120), 0.6, 90),
            (ridge(23, 1500, 160, (34, 62, 78), rough=30, base=80), 1.4, 130),
            (ridge(24, 1900, 120, (18, 36, 46), rough=14, base=56), 3.0, 178),
        ]
        self._bank = gradient(
            [(0, (0.12, 0.12, 0.14)), (0.15, (0.16, 0.22, 0.22)), (1, (0.05, 0.08, 0.09))], 74
        )
        self._train = strip(3300, 70, self._carriages)
        self._grass = strip(2900, 70, self._blades)

    @staticmethod
    def _carriages(canvas: ImageDraw.ImageDraw, s: int) -> None:
        for car in range(7):
            left = 900 + car * 236
            body = (left * s, 14 * s, (left + 228) * s, 56 * s)
            canvas.rounded_rectangle(body, 5 * s, fill=(112, 30, 36, 255))
            canvas.rectangle((left * s, 40 * s, (left + 228) * s, 43 * s), fill=(224, 196, 150, 255))
            for window in range(9):
                x = (left + 10 + window * 24) * s
                canvas.rounded_rectangle((x, 20 * s, x + 15 * s, 34 * s), 2 * s, fill=(255, 224, 150, 255))
                if (car * 5 + window * 3) % 4 == 0:  # somebody sits there
                    canvas.ellipse((x + 5 * s, 24 * s, x + 10 * s, 29 * s), fill=(90, 60, 40, 255))
                    canvas.rectangle((x + 3 * s, 29 * s, x + 12 * s, 34 * s), fill=(90, 60, 40, 255))
            for wheel in (24, 52, 176, 204):
                x = (left + wheel) * s
                canvas.ellipse((x - 6 * s, 52 * s, x + 6 * s, 64 * s), fill=(18, 16, 20, 255))

    @staticmethod
    def _blades(canvas: ImageDraw.ImageDraw, s: int) -> None:
        source = np.random.default_rng(25)
        for _ in range(2600):
            x, high, lean = source.random() * 2900, source.uniform(12, 44), source.uniform(-9, 9)
            shade = int(source.integers(8, 24))
            blade = [((x - 2) * s, 70 * s), ((x + 2) * s, 70 * s), ((x + lean) * s, (70 - high) * s)]
            canvas.polygon(blade, fill=(shade, shade + 8, shade + 10, 255))

    def __call__(self, frame: int) -> Picture:
        """Draw one frame."""
        picture = self._sky.copy()
        for hills, speed, top in self._hills:
            pan(picture, hills, 5 + frame * speed, top)
        picture[286:] *= self._bank
        pan(picture, self._train, 520 + frame * 14, 226)
        glow(picture, 892 - 520 - frame * 14, 262, 26, (1.0, 0.9, 0.6), 0.9)
        pan(picture, self._grass, 5 + frame * 9, 292)
        flutter = 1 + 0.07 * math.sin(frame * 2.4) + 0.05 * math.sin(frame * 1.3 + 1)
        return self._film.expose(picture, frame, flutter)


class Rain:
    """Street lights out of focus through a window; drops bend them and run down."""

    def __init__(self) -> None:
        self._film = Film(30, grain=0.015)
        self._street = self._lights()
        still = np.zeros((HEIGHT, WIDTH, 2), np.float32)
        source = np.random.default_rng(31)
        for _ in range(300):
            self._lens(still, source.random() * WIDTH, source.random() * HEIGHT, 2 + 7 * source.random() ** 3)
        self._still = still
        self._runners = [
            (source.random() * WIDTH, source.random() * 500, source.uniform(1.2, 4.5), source.uniform(6, 10))
            for _ in range(16)
        ]
        rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
        self._rows, self._columns = rows.astype(np.float32), columns.astype(np.float32)

    @staticmethod
    def _lights() -> Floats:
        """The street behind the glass, blurred, wider than the picture."""
        source = np.random.default_rng(32)
        wide = 900
        street = gradient(
            [(0, (0.03, 0.04, 0.09)), (0.55, (0.10, 0.07, 0.14)), (1, (0.05, 0.05, 0.08))], HEIGHT, wide
        )
        colours = [
            (1.0, 0.62, 0.25),
            (1.0, 0.25, 0.2),
            (0.3, 0.75, 0.95),
            (0.95, 0.85, 0.6),
            (0.85, 0.3, 0.7),
        ]
        light = Image.new("RGB", (wide, HEIGHT))
        for _ in range(95):
            colour = colours[int(source.integers(len(colours)))]
            x, y, radius = source.random() * wide, source.normal(170, 60), source.uniform(7, 25)
            bright = source.uniform(60, 170)
            red, green, blue = (int(bright * part) for part in colour)
            disc = Image.new("RGB", (wide, HEIGHT))
            edges = (x - radius, y - radius, x + radius, y + radius)
            ImageDraw.Draw(disc).ellipse(edges, fill=(red, green, blue))
            light = ImageChops.add(light, disc)
        soft = np.asarray(light.filter(ImageFilter.GaussianBlur(1.6)), np.float32) / np.float32(255)
        return street + soft

    @staticmethod
    def _lens(bend: Floats, x: float, y: float, radius: float, tall: float = 1.25) -> None:
        """A drop: the picture is seen through it upside down."""
        top, bottom = max(0, int(y - radius * tall)), min(HEIGHT, int(y + radius * tall) + 2)
        left, right = max(0, int(x - radius)), min(WIDTH, int(x + radius) + 2)
        if top >= bottom or left >= right:
            return
        down = (np.arange(top, bottom, dtype=np.float32)[:, None] - np.float32(y)) / np.float32(radius * tall)
        across = (np.arange(left, right, dtype=np.float32)[None, :] - np.float32(x)) / np.float32(radius)
        inside = down**2 + across**2 < 1
        patch = bend[top:bottom, left:right]
        patch[..., 0][inside] = (-down * 46 + 0 * across)[inside]
        patch[..., 1][inside] = (-across * 60 + 0 * down)[inside]

    def __call__(self, frame: int) -> Picture:
        """Draw one frame."""
        bend = self._still.copy()
        for number, (x, start, speed, radius) in enumerate(self._runners):
            halts = math.sin(frame * 0.19 + number * 2) * 12
            y = (start + frame * speed + halts) % (HEIGHT + 120) - 60
            sway = math.sin(y * 0.05 + number) * 5
            top, left = max(0, int(y) - 90), int(x + sway - radius * 0.7)
            bend[top : max(0, int(y)), max(0, left) : max(0, left + int(radius * 1.4))] = 0  # its clear trail
            self._lens(bend, x + sway, y, radius, 1.5)
        rows = np.clip(self._rows + bend[..., 0], 0, HEIGHT - 1).astype(np.intp)
        columns = np.clip(self._columns + bend[..., 1] + 60 + frame * 1.1, 0, 899).astype(np.intp)
        picture = self._street[rows, columns]
        bent = (np.abs(bend).sum(axis=2) > 0)[..., None]
        picture *= np.where(bent, np.float32(1.18), np.float32(0.82))
        picture += np.where(
            bend[..., :1] > 22, np.float32(0.22), np.float32(0)
        )  # the sky in each drop's upper rim
        return self._film.expose(picture, frame)


class Walker:
    """Somebody walks along a dune in front of a huge setting sun."""

    def __init__(self) -> None:
        self._film = Film(40)
        self._sky = gradient([(0, (0.32, 0.10, 0.20)), (0.4, (0.80, 0.27, 0.20)), (0.75, (1.0, 0.62, 0.30))])
        glow(self._sky, 390, 178, 150, (0.55, 0.26, 0.06), 0.8)
        rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
        away = np.sqrt((columns - 390.0) ** 2 + (rows - 178.0) ** 2)
        disc = np.clip((105 - away) / 1.6, 0, 1).astype(np.float32)[..., None]
        self._sky = self._sky * (1 - disc) + disc * np.array([1.0, 0.90, 0.62], np.float32)
        self._dunes = [
            (ridge(41, 1000, 150, (176, 74, 52), rough=20, base=70), 0.5, 170),
            (ridge(42, 1200, 130, (112, 42, 42), rough=16, base=66), 1.2, 205),
            (ridge(43, 1500, 110, (48, 20, 30), rough=5, base=62), 2.6, 250),
        ]

    @staticmethod
    def _figure(canvas: ImageDraw.ImageDraw, s: int, phase: float) -> None:
        ink = (30, 12, 22, 255)
        hip, lift = 62.0, abs(math.sin(phase)) * 2.2
        base, middle = 118.0, 40.0

        def limb(points: list[tuple[float, float]], thick: float) -> None:
            canvas.line([(x * s, y * s) for x, y in points], fill=ink, width=round(thick * s), joint="curve")
            for x, y in points:
                half = thick / 2
                canvas.ellipse([(x - half) * s, (y - half) * s, (x + half) * s, (y + half) * s], fill=ink)

        for side in (0.0, math.pi):
            swing = math.sin(phase + side)
            bend = max(0.0, math.cos(phase + side)) * 9
            knee = (middle + swing * 11 + 3, hip - lift + 27)
            foot = (middle + swing * 21 - bend * 0.6, base - bend)
            limb([(middle, hip - lift), knee, foot, (foot[0] + 6, foot[1] + 0.5)], 6)
            hand = (middle - swing * 15 + 3, 58 - lift)
            limb([(middle, 30 - lift), (middle - swing * 9 - 1, 45 - lift), hand], 4.5)
        limb([(middle + 1, 30 - lift), (middle, hip - lift)], 13)
        flap = math.sin(phase * 2) * 4
        coat = [
            (middle - 6, 28 - lift),
            (middle + 7, 28 - lift),
            (middle + 10, 78 - lift),
            (middle - 15 + flap, 82 - lift),
        ]
        canvas.polygon([(x * s, y * s) for x, y in coat], fill=ink)
        canvas.ellipse(((middle - 6) * s, (7 - lift) * s, (middle + 9) * s, (23 - lift) * s), fill=ink)
        canvas.ellipse(((middle - 13) * s, (9 - lift) * s, (middle + 17) * s, (14 - lift) * s), fill=ink)
        limb([(middle - 9, 34 - lift), (middle - 11, 50 - lift)], 10)

    def __call__(self, frame: int) -> Picture:
        """Draw one frame."""
        picture = self._sky.copy()
        for dunes, speed, top in self._dunes[:2]:
            pan(picture, dunes, 5 + frame * speed, top)
        for bird in range(5):
            x, y = 120 + bird * 26 + frame * 0.9, 70 + bird % 3 * 13 + math.sin(frame * 0.1 + bird) * 4
            flap = math.sin(frame * 0.7 + bird * 1.7) * 4
            for step in range(-6, 7):
                row, column = int(y - abs(step) * flap / 6), int(x + step)
                picture[row : row + 2, column : column + 1] *= 0.35
        pan(picture, self._dunes[2][0], 5 + frame * self._dunes[2][1], self._dunes[2][2])
        figure = strip(90, 126, lambda canvas, s: self._figure(canvas, s, frame * 0.27))
        lay(picture, figure, 250 + round(frame * 0.5), 182)
        return self._film.expose(picture, frame)
