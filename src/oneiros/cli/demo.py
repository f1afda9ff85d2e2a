"""`oneiros demo`."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from oneiros.cli.run import RunCommand

CONDITIONS = ("sequential", "src", "rehearsal", "src_rehearsal")


@dataclass(frozen=True, kw_only=True)
class DemoCommand:
    """See a network forget, sleep and remember: handwritten digits, nothing to download, under a minute."""

    out: Path = Path("out/demo")
    """Folder for results; open its index.html."""
    seeds: int = 5
    """Number of seeds, each with its own task order."""
    jobs: int = 0
    """Worker processes; 0: one for each core."""

    def __call__(self, console: Console) -> int:
        """Do it; the exit code."""
        console.print(
            "A recurrent network learns handwritten digits two classes at a time, by equilibrium propagation.\n"
            "[bold]sequential[/] just goes on learning; [bold]src[/] sleeps after each task: noise, spikes, local "
            "plasticity, no data.\n"
            "[bold]rehearsal[/] keeps 2 % of the old examples; [bold]src_rehearsal[/] does both.\n"
        )
        run = RunCommand(
            name="kubo2025/digits", condition=CONDITIONS, seeds=self.seeds, jobs=self.jobs,
            out=self.out, device="cpu", retry_failed=True,
        )  # fmt: skip
        out, finished, failed = run.live(console)
        if not finished:
            return 1
        # Imported here: no other command looks at a night.
        from oneiros.cli.night import look_at_night
        from oneiros.cli.screen import publish

        look_at_night(out)
        publish(out, console)
        console.print(
            f"[bold]one night[/] on the page, and {out / 'night.png'}: spikes, weights, dreams, and a night that is "
            "solved",
            highlight=False,
        )
        return 1 if failed else 0
