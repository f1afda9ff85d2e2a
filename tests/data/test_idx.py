"""The reader of IDX files against torchvision's."""

import struct

import numpy as np
import pytest
from torchvision.datasets.mnist import read_sn3_pascalvincent_tensor

from oneiros.data.idx import parse_idx


@pytest.mark.parametrize("shape", [(5,), (2, 3), (4, 28, 28)])
def test_arrays_are_torchvisions(tmp_path, shape):
    values = np.random.default_rng(0).integers(0, 256, size=shape, dtype=np.uint8)
    file = tmp_path / "idx"
    file.write_bytes(struct.pack(f">{1 + len(shape)}I", 0x0800 | len(shape), *shape) + values.tobytes())
    ours, theirs = parse_idx(file.read_bytes(), ndim=len(shape)), read_sn3_pascalvincent_tensor(str(file))
    assert np.array_equal(ours, theirs.numpy())
    assert np.array_equal(ours, values)
