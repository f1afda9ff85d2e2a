"""The table of what each mechanism needs, out of the mechanisms themselves."""

import oneiros.sleeper
from oneiros.sleeper.mechanism import Combined, Mechanism


def mechanisms() -> tuple[type[Mechanism], ...]:
    """Every mechanism among the room's names, in their order; `Combined`, which needs what its parts do, is none."""
    named = (getattr(oneiros.sleeper, name) for name in sorted(dir(oneiros.sleeper)))
    return tuple(each for each in named if hasattr(each, "needs") and each not in (Mechanism, Combined))


def requirements() -> str:
    """A Markdown table, one row a mechanism.

    >>> print(requirements().splitlines()[0])
    | mechanism | from | network | inputs | layer to name | keeps of the past | raw examples |
    """
    head = ("mechanism", "from", "network", "inputs", "layer to name", "keeps of the past", "raw examples")
    rows = [head, ("---",) * len(head)]
    for kind in mechanisms():
        needs = kind.needs
        raw = "yes" if needs.raw else "no"
        rows.append((f"`{kind.__name__}`", needs.paper, needs.net, needs.inputs, needs.layer, needs.keeps, raw))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
