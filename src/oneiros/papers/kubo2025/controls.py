"""What sleep replay consolidation does: the night of `kubo2025/mnist` with parts of it left out or undone."""

from dataclasses import replace

from oneiros.memory.shuffled_input import ShuffledInput
from oneiros.papers.kubo2025.config import Config
from oneiros.papers.kubo2025.experiment import Strategy
from oneiros.phases.around.part_of_night import RowLengthsOnly, RowMeansOnly

CONTROLS = (
    "sequential", "src", "decrement_only", "increment_only", "increment_only_as_strong", "hidden_only", "output_only",
    "row_means_only", "row_lengths_only", "no_feedback", "shuffled_input",
)  # fmt: skip


def controls(config: Config) -> dict[str, Strategy]:
    """No night, the night as tuned, and what is left of it; nothing is tuned again for any of them."""
    sleep, none = config.sleep, (0.0,) * len(config.sleep.layers)
    return {
        "sequential": Strategy(),
        "src": Strategy(sleep),
        "decrement_only": Strategy(replace(sleep, inc=none)),
        "increment_only": Strategy(replace(sleep, dec=none)),
        # The tuned increment is some 15 times smaller than the decrement; here it is as large.
        "increment_only_as_strong": Strategy(replace(sleep, inc=sleep.dec, dec=none)),
        "hidden_only": Strategy(replace(sleep, inc=(sleep.inc[0], 0.0), dec=(sleep.dec[0], 0.0))),
        "output_only": Strategy(replace(sleep, inc=(0.0, sleep.inc[1]), dec=(0.0, sleep.dec[1]))),
        "row_means_only": Strategy(RowMeansOnly(inner=sleep)),
        "row_lengths_only": Strategy(RowLengthsOnly(inner=sleep)),
        "no_feedback": Strategy(replace(sleep, feedback=())),
        "shuffled_input": Strategy(sleep, mean=ShuffledInput),
    }
