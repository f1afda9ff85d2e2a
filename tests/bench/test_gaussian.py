"""What the benchmark of the sampler measures, on numbers that can be checked; nothing is timed here."""

import numpy as np
import torch

from bench.speed.gaussian import activations, main, scipy_draw


def test_both_sides_draw_from_the_same_gaussian():
    x = activations(400, 3)
    assert torch.equal(x, activations(400, 3))
    assert (x >= 0).all()
    drawn = scipy_draw(np.tile(x.numpy(), (20, 1)))
    assert np.allclose(drawn.mean(0), x.numpy().mean(0), atol=0.2)
    assert np.allclose(np.cov(drawn, rowvar=False), np.cov(x.numpy(), rowvar=False), rtol=0.15, atol=0.3)


def test_the_process_apart_answers_with_three_numbers():
    threads = torch.get_num_threads()
    for form in ("float32", "float16"):
        seconds, above, peak = map(float, main(200, form, threads).split())
        assert 0 <= seconds < 60
        assert 0 <= above <= peak < 64
