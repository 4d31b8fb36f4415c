"""The picture of a run: a bar for each request's ratio to the reference, a mark where it should be."""

from __future__ import annotations

from html import escape

from bench.rounds import Measured

LEFT, WIDTH, ROW, TOP = 150, 420, 34, 60


def chart(database: str, size: str, measured: list[Measured]) -> str:
    """An SVG of the ratios of a run."""
    shown = [one for one in measured if one.ratio is not None]
    most = max([1.1, *(one.ratio or 0 for one in shown)])
    scale = WIDTH / most
    title = f"Share of the reference's requests a second: {database}, {size}"
    parts = [_text(10, 24, title, weight=600), _text(10, 42, "bar: median of paired ratios; line: target", size=11)]
    for number, one in enumerate(shown):
        y = TOP + number * ROW
        ratio = one.ratio or 0
        colour = "#2f7d5b" if ratio >= (one.target or 0) else "#b4552d"
        parts.append(_text(10, y + 16, one.name + (" (void)" if one.void else "")))
        parts.append(f'<rect x="{LEFT}" y="{y + 2}" width="{ratio * scale:.1f}" height="20" rx="3" fill="{colour}"/>')
        parts.append(_text(LEFT + ratio * scale + 6, y + 17, f"{ratio:.2f}"))
        if one.target:
            x = LEFT + one.target * scale
            parts.append(f'<path d="M{x:.1f} {y - 2}v28" stroke="#222" stroke-width="2"/>')
    height = TOP + len(shown) * ROW + 10
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 70} {height}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="13"><title>{escape(title)}</title>'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def _text(x: float, y: float, text: str, *, size: int = 13, weight: int = 400) -> str:
    return f'<text x="{x:.0f}" y="{y}" font-size="{size}" font-weight="{weight}" fill="#222">{escape(text)}</text>'
