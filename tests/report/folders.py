"""Run folders of runs that never happened, in the shapes that papers give them: what a page must cope with."""

import numpy as np

from oneiros.runs.store import Manifest, Picture, Row, RunFolder

EVIL = "<script>alert('$x_1$')</script> & \"co\""


def sealed(out, address, rows, pictures=(), **changed):
    """One finished run with these (day, task, phase, metric, value)."""
    manifest = Manifest(**{"scale": "quick", "config": {"wake": {"rate": 0.1}}, "device": "cpu", **address, **changed})
    names = ("day", "task", "phase", "metric", "value")
    with RunFolder.open(out, manifest) as folder:
        folder.rewind(0, 0.0)
        folder.describe_data({"mnist": "ab" * 32})
        folder.add(Row(**address, order="01", **dict(zip(names, row, strict=True))) for row in rows)
        for picture in pictures:
            folder.keep(picture)
        folder.seal()
    return folder.path


def blobs(rng, sharpness, colour=False):
    """Four by eight tiles that grow from noise into discs."""
    y, x = np.mgrid[-1:1:28j, -1:1:28j]
    radius = rng.uniform(0.3, 0.8, (4, 8, 1, 1))
    disc = 1 / (1 + np.exp(12 * (np.hypot(x, y) - radius)))
    grey = sharpness * disc + (1 - sharpness) * rng.random((4, 8, 28, 28))
    tint = rng.random((4, 8, 1, 1, 3)) if colour else np.ones((4, 8, 1, 1, 1))
    return (255 * grey[..., None] * tint).astype(np.uint8)


def replay(out, seeds=3, pictures=True, condition="generative"):
    """Tasks, a loss curve on every day, samples in the night, shares of classes in what is replayed."""
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        rows, drawn = [], []
        for day in range(5):
            for step in range(20):
                rows.append(
                    (day, day, f"step:{20 * (step + 1)}", "wake/loss", float(np.exp(-step / 6) + rng.random() / 10))
                )
            for phase, kept in (("dusk", 0.8), ("end", 0.9)):
                rows.append((day, day, phase, "accuracy_seen", kept - 0.03 * day))
                rows += [(day, task, phase, "accuracy", kept - 0.02 * (day - task)) for task in range(day + 1)]
            rows.append((day, day, "end", "stored_bytes", 1e6 * (day + 1)))
            rows.append((day, day, "end", "replayed_examples", 2000.0 * day))  # counted from birth
            shares = rng.dirichlet(np.full(2 * day, 5.0)) if day else []
            rows += [(day, day, "end", f"replay_share:{c}", float(share)) for c, share in enumerate(shares)]
            for step in (0, 500):
                tiles = blobs(rng, (day + step / 1000) / 5)
                labels = ("0", "1", "2", EVIL)
                drawn.append(
                    Picture(name="samples", day=day, step=step, tiles=tiles, caption="Drawn by night.", labels=labels)
                )
        address = {"paper": "synthetic", "experiment": "replay", "condition": condition, "seed": seed}
        sealed(out, address, rows, drawn if pictures else ())


def dreaming(out, seeds=2):
    """One task, many epochs, no accuracy on tasks: separability, distances, an occlusion curve, coloured dreams."""
    for condition, gain in (("pad", 0.3), ("without rem", 0.1), (EVIL, 0.2)):
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            rows, drawn = [], []
            for epoch in range(6):
                at = f"step:{40 * (epoch + 1)}"
                rows += [
                    (0, 0, at, f"{phase}/loss", float(rng.random() + 2 / (1 + epoch))) for phase in ("nrem", "rem")
                ]
                rows.append((0, 0, at, "readout_accuracy", 0.2 + gain * (1 - 0.5**epoch)))
                drawn.append(
                    Picture(
                        name="rem dreams", day=0, step=40 * epoch, tiles=blobs(rng, epoch / 6, True), caption="A dream."
                    )
                )
            rows += [(0, 0, "end", "readout_accuracy", 0.2 + gain + rng.normal(0, 0.01))]
            rows += [(0, 0, "end", "distance_ratio", 0.5 + gain), (0, 0, "end", "generator_parameters", 1e6)]
            rows += [(0, 0, "end", f"occluded_accuracy:{p}", float(gain + (10 - p) / 20)) for p in range(10)]
            sealed(
                out, {"paper": "synthetic", "experiment": "dreaming", "condition": condition, "seed": seed}, rows, drawn
            )


def like_the_paper(out, rows):
    """Tidy rows of some experiment, a folder a run."""
    address = ["paper", "experiment", "condition", "seed"]
    for run, mine in rows.groupby(address, sort=False):
        named = dict(zip(address, run, strict=True))
        manifest = Manifest(
            **named, scale="paper", config={"wake": {"rate": 0.1}}, device="cpu", data={"mnist": "ab" * 32}
        )
        with RunFolder.open(out, manifest) as folder:
            folder.rewind(0, 0.0)
            folder.add(Row(**row) for row in mine.to_dict("records"))
            folder.seal()


def spoiled(out):
    """A run whose rows were edited, one that never finished, and one of an older code; their folders."""
    address = {"paper": "synthetic", "experiment": "replay", "seed": 0}
    row = [(0, 0, "end", "accuracy_seen", 0.5)]
    edited = sealed(out, {**address, "condition": "edited"}, row)
    (edited / "rows.jsonl").write_text((edited / "rows.jsonl").read_text().replace("0.5", "0.9"))
    with RunFolder.open(out, _manifest(address, "half")) as half:
        half.rewind(0, 0.0)
        half.flush()
    old = sealed(out, {**address, "condition": "older"}, row, code="0.0.1+older")
    return edited, half.path, old


def _manifest(address, condition):
    return Manifest(**address, condition=condition, scale="quick", config={"wake": {"rate": 0.1}}, device="cpu")
