"""One small example of every mechanism of the package: all contracts of `tests/sleeper` are asked of each."""

from oneiros.sleeper import (
    Automatic,
    DriftCompensated,
    ElasticWeights,
    ExactNights,
    FeCam,
    Front,
    GenerativeReplay,
    LayerReplay,
    Mechanism,
    NearestClassMean,
    NoSleep,
    RandomRelu,
    RanPac,
    RecursiveRidge,
    Rehearsal,
    SelectedLayerReplay,
    SpikeReplay,
    StreamingLda,
)

DREAMS = GenerativeReplay(hidden=(32,), latent=4, replayed=32)
LAYER = LayerReplay(layer="2", per_class=6, replayed=12, batch_size=6)
SPIKES = SpikeReplay(
    layers=("1.weight", "3.weight"), steps=20, rate=1.0, gains=(1.2, 60.0), inc=(1e-6, 1e-8), dec=(1e-4, 1e-5)
)
# For networks whose layers are "0" (flatten), "1" (64 inputs to hidden units), "2" (rectify) and "3" (scores).
EXAMPLES: dict[str, Mechanism] = {
    "automatic": Automatic(filters=4, share=0.3, first=8),
    "none": NoSleep(),
    "dreams": DREAMS,
    "layer": LAYER,
    "selected": SelectedLayerReplay(replay=LAYER, rewarded=2),
    "spikes": SPIKES,
    "rehearsal": Rehearsal(per_class=5, replayed=8),
    "elastic": ElasticWeights(weight=10.0, per_class=5),
    "exact": ExactNights(features=Front(filters=8, side=4, grid=2, enough=20)),
    "class means": NearestClassMean(),
    "streaming lda": StreamingLda(),
    "ridge": RecursiveRidge(features=RandomRelu(30)),
    "ranpac": RanPac(width=30),
    "fecam": FeCam(),
    "drift": DriftCompensated(layer="1"),
}
