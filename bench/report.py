"""The text of a run: rows as Markdown, and what each group reached of what it must reach."""

import math
from collections.abc import Iterable

from bench.measure import Row
from bench.peaks import Peaks

# group: (geometric mean at most, no row above)
TARGETS = {
    "dispatch": (0.9, 1.5),
    "elementwise": (0.75, 1.3),
    "gemm": (1.1, 1.3),
    "half": (1.0, 1.05),  # never slower, as far as two equal times can be told apart
    "conv": (1.0, 1.5),
    "train": (0.65, 1.0),
}


def table_head(subject: str, reference: str) -> str:
    return (
        f"| group | case | {subject} | {reference} | ratio | best | rate | of peak |\n"
        "|---|---|---:|---:|---:|---:|---:|---:|"
    )


def line(row: Row, peaks: Peaks | None) -> str:
    """One row of the table."""
    name = row.name.replace("|", "\\|")
    if row.error:
        return f"| {row.group} | {name} | failed: {row.error.replace('|', ' ')} | | | | | |"
    cells = [_amount(row.subject, row.unit), "", "", "", "", ""]
    if not math.isnan(row.ratio):
        cells[1:4] = [_amount(row.reference, row.unit), _ratio(row), f"{row.best:.2f}"]
    if row.work is not None:
        rate = row.work.amount / row.subject
        cells[4] = _rate(rate, row.work.unit)
        cells[5] = f"{rate / peaks.of(row.work):.0%}" if peaks else ""
    return f"| {row.group} | {name} | {' | '.join(cells)} |"


def summary(rows: list[Row]) -> str:
    """A line a group: mean, worst row, what is asked, and whether it is met."""
    lines = [
        "| group | cases | geometric mean | worst row | mean at most | no row above | |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    for group in dict.fromkeys(row.group for row in rows):
        counted = [row for row in rows if row.group == group and row.counts]
        if counted:
            lines.append(_summary_line(group, counted))
    return "\n".join(lines)


def over(rows: Iterable[Row]) -> list[Row]:
    """Counted rows above their limit, the worst first."""
    found = [row for row in rows if row.counts and not row.error and _excess(row) > 1]
    return sorted(found, key=_excess, reverse=True)


def _summary_line(group: str, rows: list[Row]) -> str:
    failed = sum(bool(row.error) for row in rows)
    ratios = [row.ratio for row in rows if row.ratio > 0]
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else math.nan
    worst = max(ratios, default=math.nan)
    most_mean, most = TARGETS.get(group, (None, None))
    met = not failed and not over(rows)
    met = met and (most_mean is None or round(mean, 2) <= most_mean)
    cells = [f"{len(rows)}", f"{mean:.2f}", f"{worst:.2f}", f"{most_mean or ''}", f"{most or ''}"]
    verdict = "met" if met else "short"
    if rows_over := len(over(rows)):
        verdict += f", {rows_over} above"
    if failed:
        verdict += f", {failed} failed"
    return f"| {group} | {' | '.join(cells)} | {verdict} |"


def _excess(row: Row) -> float:
    """What a row measured over what it may be, as printed; 0 where nothing is asked."""
    limit = row.limit
    if limit is None:
        limit = TARGETS.get(row.group, (None, None))[1]
    if limit is None:
        return 0.0
    figure = row.subject if row.limits == "subject" else row.ratio
    return round(figure, 2) / limit


def _ratio(row: Row) -> str:
    return f"**{row.ratio:.2f}**" if row.counts and _excess(row) > 1 else f"{row.ratio:.2f}"


def _rate(per_second: float, unit: str) -> str:
    word = "GFLOP/s" if unit == "flop" else "GB/s"
    number = per_second / 1e9
    return f"{number:.0f} {word}" if number >= 100 else f"{number:.3g} {word}"


def _amount(number: float, unit: str) -> str:
    if unit == "count":
        return f"{number:.0f}"
    if unit == "byte":
        return f"{number / 1e6:.0f} MB"
    for name, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if number >= scale:
            return f"{number / scale:.3g} {name}"
    return f"{number / 1e-9:.3g} ns"


def peaks_table(measured: dict[int, Peaks]) -> str:
    """What the machine can do, a column a number of threads."""
    counts = list(measured)
    lines = [
        "| peak | " + " | ".join(f"{n} thread{'s' if n > 1 else ''}" for n in counts) + " |",
        "|---|" + "---:|" * len(counts),
    ]
    for kind in measured[counts[0]].flop:
        cells = [_rate(peaks.flop[kind], "flop") for peaks in measured.values()]
        lines.append(f"| {kind} multiply-adds in registers | {' | '.join(cells)} |")
    names = ("in the second-level caches", "of 16 MB, read and written", "of 256 MB")
    for place, name in enumerate(names):
        cells = [
            f"{list(peaks.byte.values())[place] / 1e9:.0f} GB/s" for peaks in measured.values()
        ]
        lines.append(f"| copy {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def document(
    heading: str, rows: list[Row], peaks: Peaks | None, subject: str, reference: str
) -> str:
    """The whole run as a Markdown document: summary first, then a table a group."""
    parts = [
        "# Results\n",
        heading,
        f"Ratios are {subject}'s time over {reference}'s (below 1 {subject} is faster): medians of "
        "pairs of samples\ntaken one after the other; `best` compares the fastest samples. "
        f"Group `half` has {subject} on both\nsides: half precision over its own float32. "
        "Ratios in bold are above their limit. Written by\n`python -m bench --results FILE`.\n",
        "## Summary\n",
        summary(rows) + "\n",
    ]
    for group in dict.fromkeys(row.group for row in rows):
        listed = [line(row, peaks) for row in rows if row.group == group]
        other = f"{subject} in float32" if group == "half" else reference
        parts += [f"## {group}\n", "\n".join([table_head(subject, other), *listed]) + "\n"]
    return "\n".join(parts)
