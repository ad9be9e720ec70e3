"""Pictures, drawn from a recipe: the same recipe gives the same bytes."""

import base64
import colorsys
import hashlib
import random
import textwrap
import unicodedata
from io import BytesIO
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

Colour = tuple[int, int, int]

# What is opened at all: Pillow's other readers include some that start programs.
IMAGE_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")

_FRAMES_PER_SECOND = 4
_GLOWS = 9
_RIBBONS = 4
_LETTERS_PER_LINE = 34
_MAX_LINES = 5
_SMALL_SIDE = 64  # no lettering fits below this
_GLOW_SCALE = 4  # glows are blurred anyway, so they are drawn at a quarter of the size


def draw(recipe: dict[str, Any]) -> bytes:
    """The bytes that a recipe stands for: a `picture` or an `upscale`, as png or jpeg, or a `film` as gif."""
    if recipe["kind"] == "film":
        return _film(recipe)
    image = _upscale(recipe) if recipe["kind"] == "upscale" else _picture(recipe)
    buffer = BytesIO()
    if recipe["format"] == "png":
        image.save(buffer, "PNG", compress_level=4)
    else:
        image.convert("RGB").save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _film(recipe: dict[str, Any]) -> bytes:
    """A picture that passes by, so many `seconds` long and as large as its `side`."""
    side, frames = recipe["side"], recipe["seconds"] * _FRAMES_PER_SECOND
    still = _picture({**recipe, "seed": 0, "number": 0, "width": side, "height": side, "black": False})
    shown = [ImageChops.offset(still, side * number // frames, 0).quantize(64) for number in range(frames)]
    buffer = BytesIO()
    shown[0].save(buffer, "GIF", save_all=True, append_images=shown[1:], duration=1000 // _FRAMES_PER_SECOND, loop=0)
    return buffer.getvalue()


def _upscale(recipe: dict[str, Any]) -> Image.Image:
    with Image.open(BytesIO(base64.b64decode(recipe["source"])), formats=IMAGE_FORMATS) as source:
        mode = "RGBA" if source.mode in ("RGBA", "LA", "P", "PA") else "RGB"
        size = (recipe["width"], recipe["height"])
        return source.convert(mode).resize(size, Image.Resampling.LANCZOS)


def _picture(recipe: dict[str, Any]) -> Image.Image:
    size = (recipe["width"], recipe["height"])
    if recipe["black"]:
        return Image.new("RGB", size)
    text = f"{recipe['prompt']}\0{recipe['seed']}\0{recipe['number']}"
    dice = random.Random(int.from_bytes(hashlib.sha256(text.encode()).digest()))
    palette = _palette(dice)
    image = _background(size, palette)
    image = ImageChops.screen(image, _glows(size, palette, dice))
    _ribbons(image, palette, dice)
    if min(size) >= _SMALL_SIDE:
        _letter(image, recipe["prompt"])
    if recipe.get("blur"):
        image = image.filter(ImageFilter.BoxBlur(recipe["blur"] * max(size)))
    return image


def _palette(dice: random.Random) -> list[Colour]:
    hue = dice.random()
    spread = dice.choice((0.08, 0.14, 0.33))
    return [
        _colour((hue + spread * step) % 1.0, dice.uniform(0.5, 0.9), light)
        for step, light in enumerate((0.16, 0.34, 0.5, 0.62, 0.78))
    ]


def _colour(hue: float, saturation: float, light: float) -> Colour:
    red, green, blue = colorsys.hls_to_rgb(hue, light, saturation)
    return round(red * 255), round(green * 255), round(blue * 255)


def _background(size: tuple[int, int], palette: list[Colour]) -> Image.Image:
    slope = Image.linear_gradient("L").resize(size)
    return Image.composite(Image.new("RGB", size, palette[1]), Image.new("RGB", size, palette[0]), slope)


def _glows(size: tuple[int, int], palette: list[Colour], dice: random.Random) -> Image.Image:
    width, height = (max(1, side // _GLOW_SCALE) for side in size)
    layer = Image.new("RGB", (width, height))
    pen = ImageDraw.Draw(layer)
    for _ in range(_GLOWS):
        radius = dice.uniform(0.05, 0.28) * min(width, height)
        x, y = dice.uniform(0, width), dice.uniform(0, height)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=dice.choice(palette[1:]))
    blurred = layer.filter(ImageFilter.GaussianBlur(max(width, height) / 28))
    return blurred.resize(size, Image.Resampling.BICUBIC)


def _ribbons(image: Image.Image, palette: list[Colour], dice: random.Random) -> None:
    width, height = image.size
    pen = ImageDraw.Draw(image, "RGBA")
    for _ in range(_RIBBONS):
        levels = [dice.uniform(0.25, 0.95) * height for _ in range(4)]
        points = [(width * step / 48, _curve(levels, step / 48)) for step in range(49)]
        shape = [*points, (width, height), (0, height)]
        pen.polygon(shape, fill=(*dice.choice(palette), 54))
        pen.line(points, fill=(*palette[-1], 120), width=max(1, height // 400))


def _curve(levels: list[float], at: float) -> float:
    """A cubic Bézier through the levels, `at` 0 to 1."""
    a, b, c, d = levels
    rest = 1 - at
    return a * rest**3 + 3 * b * rest**2 * at + 3 * c * rest * at**2 + d * at**3


def _letter(image: Image.Image, prompt: str) -> None:
    width, height = image.size
    pen = ImageDraw.Draw(image, "RGBA")
    margin = max(4, width // 28)
    lines = textwrap.wrap(_drawable(prompt), _LETTERS_PER_LINE)[:_MAX_LINES]
    letter_height = max(9, width // 24)
    font = ImageFont.load_default(letter_height)
    small = ImageFont.load_default(max(8, width // 44))
    leading = round(letter_height * 1.3)
    top = height - margin - leading * len(lines)
    pen.rectangle((0, top - margin, width, height), fill=(0, 0, 0, 96))
    for number, line in enumerate(lines):
        pen.text((margin, top + leading * number), line, font=font, fill=(255, 255, 255, 240))
    pen.text((width - margin, margin), "sandbox", font=small, fill=(255, 255, 255, 200), anchor="ra")


def _drawable(text: str) -> str:
    """The text in the letters of Pillow's own font, the only one that draws alike on every machine."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).encode("ascii", "replace").decode()
