"""A figure as a page carries it: the drawing of its SVG file in a third of the bytes, with its words as text.

An SVG file draws every letter as an outline, so that it looks the same wherever it is opened; in a page of hundreds of
figures the letters would be nine tenths of it all. Here text is text, in a font as wide as matplotlib's (`page.css`
names it), numbers have two decimals of a point, and what a program would need to edit the figure is left out.
"""

import html
import re
from xml.etree import ElementTree

from matplotlib.figure import Figure

from oneiros.report.figures import to_svg

# A hundredth of a point is less than a fiftieth of a pixel at the size that figures are shown.
DECIMALS = 2
NUMBERS = ("d", "x", "y", "width", "height", "transform", "points")
NAMESPACE = re.compile(r"\{.*\}")
# What `page.css` says once for all figures.
SAID_ONCE = re.compile(r"font-family:[^;]*;? ?")


def inline_svg(figure: Figure, prefix: str, label: str, size: str) -> str:
    """Write the figure as an `<svg>` element for an HTML page.

    Args:
        figure: what to draw.
        prefix: what identifiers begin with; no other element of the page may have one that does.
        label: what the figure shows, for those who do not see it.
        size: style of the element.

    """
    root = ElementTree.fromstring(to_svg(figure, letters="text"))
    names = {name: f"{prefix}.{index}" for index, name in enumerate(dict.fromkeys(_references(root)))}
    content = "".join(_written(child, names) for child in root)
    return (
        f'<svg role="img" aria-label="{html.escape(label)}" style="{size}" viewBox="{root.attrib["viewBox"]}">'
        f"{content}</svg>"
    )


def rounded(text: str) -> str:
    r"""Numbers with `DECIMALS` decimals, and no more room between them than they need.

    >>> rounded("M 67.303053 98.3 \nL 148.0049 -0.0012 \nz\n")
    'M67.3 98.3L148 0z'
    """
    text = re.sub(r"-?\d+\.\d+(?:e-?\d+)?", lambda found: _short(float(found[0])), text)
    return re.sub(r"\s*([A-Za-z])\s*", r"\1", re.sub(r"\s+", " ", text)).strip()


def _short(number: float) -> str:
    text = f"{number:.{DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _references(root: ElementTree.Element) -> list[str]:
    """Identifiers that something in the figure refers to, in order."""
    values = (value for element in root.iter() for value in element.attrib.values())
    return [name for value in values for name in re.findall(r"^#(.+)|url\(#([^)]+)\)", value) for name in name if name]


def _written(element: ElementTree.Element, names: dict[str, str]) -> str:
    """The element with all it contains."""
    tag = NAMESPACE.sub("", element.tag)
    if tag == "style":
        return ""
    if tag == "g":
        _say_once(element)
    given = ((NAMESPACE.sub("", name), value) for name, value in element.attrib.items())
    attributes = {name: short for name, value in given if (short := _attribute(name, value, names))}
    content = html.escape(element.text or "", quote=False) if tag in ("text", "tspan") else ""
    content += "".join(_written(child, names) for child in element)
    if tag in ("g", "defs") and not content:
        return ""
    if tag == "g" and not attributes:
        return content
    said = "".join(f' {name}="{html.escape(value)}"' for name, value in attributes.items())
    return f"<{tag}{said}>{content}</{tag}>" if content else f"<{tag}{said}/>"


def _say_once(group: ElementTree.Element) -> None:
    """Let the markers of a line inherit the style that all of them have."""
    marks = list(group)
    style = marks[0].get("style", "") if marks else ""
    alike = all(NAMESPACE.sub("", mark.tag) == "use" and mark.get("style") == style for mark in marks)
    # Opacity is not inherited: of a group it would be that of all its markers together.
    if len(marks) > 1 and alike and "style" not in group.attrib and not re.search(r"(^|;\s*)opacity", style):
        group.set("style", style)
        for mark in marks:
            del mark.attrib["style"]


def _attribute(name: str, value: str, names: dict[str, str]) -> str:
    """The value in short; "" where it says nothing."""
    if name == "id":
        return names.get(value, "")
    if value.startswith("#"):
        return f"#{names[value[1:]]}"
    if name == "href":
        return re.sub(r"\s+", "", value)  # an image
    value = re.sub(r"url\(#([^)]+)\)", lambda found: f"url(#{names[found[1]]})", value)
    if name == "style":
        return re.sub(r"([:;]) ", r"\1", SAID_ONCE.sub("", value)).rstrip(";")
    if name == "transform":
        value = re.sub(r"rotate\(-0 [^)]*\)", "", value)
    return rounded(value) if name in NUMBERS else value
