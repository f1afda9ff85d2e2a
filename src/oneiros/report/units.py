"""How numbers of rows are read: accuracies in percent, everything else as it is."""

from oneiros.measure.metrics import Interval

# By what a number of a row is multiplied to be in this unit.
SCALES = {
    "percent": 100.0,
    **dict.fromkeys(("fraction", "ratio", "value", "score", "distance", "correlation", "count"), 1.0),
    **dict.fromkeys(("seconds", "bytes", "nats", "bits"), 1.0),
}
# Of these more is better; of any other metric, more than published is as much a miss as less.
HIGHER_IS_BETTER = ("accuracy", "separability", "at_occlusion")
PERCENT = ("accuracy", "replay_share", "confusion", "separability", "at_occlusion")


def scale_of(unit: str) -> float:
    """By what rows are multiplied to be in `unit` of a targets.csv."""
    if unit not in SCALES:
        raise ValueError(f"unknown unit {unit!r} in targets.csv; expected one of {sorted(SCALES)}")
    return SCALES[unit]


def usual_unit(metric: str) -> str:
    """The unit of a metric that no target gives one: percent for accuracies and shares.

    >>> usual_unit("final_accuracy"), usual_unit("wake/loss")
    ('percent', 'value')
    """
    return "percent" if any(word in metric for word in PERCENT) else "value"


def higher_is_better(metric: str) -> bool:
    """Whether a larger number of this metric is a better one, as of accuracies; a cosine, say, has no better end.

    >>> higher_is_better("final_accuracy"), higher_is_better("similarity_t1_class_0")
    (True, False)
    """
    return any(word in metric for word in HIGHER_IS_BETTER)


def title(metric: str, unit: str) -> str:
    """The metric in words, with its unit.

    >>> title("final_accuracy", "percent"), title("fid", "value")
    ('final accuracy (%)', 'fid')
    """
    words = metric.replace("_", " ")
    return f"{words} ({symbol(unit)})" if symbol(unit) else words


def symbol(unit: str) -> str:
    """What stands in brackets behind a metric's name; nothing for bare numbers."""
    return {"percent": "%", "seconds": "s", "bytes": "bytes", "nats": "nats", "bits": "bits"}.get(unit, "")


def number(value: float, unit: str) -> str:
    """A number as tables show it.

    >>> number(64.678, "percent"), number(0.000123456, "value")
    ('64.68', '0.0001235')
    """
    return f"{value:.2f}" if unit == "percent" else f"{value:.4g}"


def format_interval(interval: Interval, unit: str = "percent") -> str:
    """Mean [low, high], or the mean alone where there is no interval.

    >>> format_interval(Interval(mean=64.68, low=60.11, high=69.25, n=6))
    '64.68 [60.11, 69.25]'
    """
    mean = number(interval.mean, unit)
    if interval.n < 2:
        return mean
    return f"{mean} [{number(interval.low, unit)}, {number(interval.high, unit)}]"
