"""The data sets by name, and one function from a name to the examples."""

import difflib
from pathlib import Path

import torch

from oneiros.data.arrow import read_csv_set, read_parquet_set
from oneiros.data.cifar10 import read_cifar10
from oneiros.data.digits import read_digits
from oneiros.data.download import DOWNLOADS, fetch
from oneiros.data.errors import DataError, MissingFilesError
from oneiros.data.examples import Dataset
from oneiros.data.features import read_features
from oneiros.data.files import data_root
from oneiros.data.folder import read_folder_set
from oneiros.data.idx import IDX_SETS, read_idx_set
from oneiros.data.svhn import read_svhn

_BY_NAME = ("digits", *IDX_SETS, "cifar10", "svhn", "tiny-imagenet-100")
_BY_FOLDER = {"parquet": read_parquet_set, "folder": read_folder_set, "csv": read_csv_set}
_YOURS = (*_BY_FOLDER, "features")


def names() -> tuple[str, ...]:
    """What `load` understands; DIR stands for a folder of yours, FILE for what `oneiros features` wrote."""
    return (*_BY_NAME, *(f"{kind}:DIR" for kind in _BY_FOLDER), "features:FILE")


def load(name: str, *, root: Path | None = None, device: str | torch.device = "cpu", download: bool = True) -> Dataset:
    """The data set called `name`, whole, on `device`.

    Args:
        name: one of `names()`.
        root: the folder that holds data sets by their usual file names; by default that in the environment
            variable ONEIROS_DATA, and without it `data` in the user's cache folder. `digits` needs none, and
            `parquet:DIR`, `folder:DIR` and `csv:DIR` name theirs; `features:FILE` may lie in it.
        device: where the examples will sit.
        download: whether to fetch files that are missing into `root`.

    Raises:
        DataError: for an unknown name, and for files that are missing, damaged or not what they should be.
    """
    _check_name(name)
    folder = data_root() if root is None else root
    try:
        dataset = _read(name, folder)
    except MissingFilesError as missing:
        _fetch_or_explain(name, folder, missing, download=download)
        dataset = _read(name, folder)
    return dataset.to(device)


def _read(name: str, root: Path) -> Dataset:
    kind, colon, given = name.partition(":")
    if kind == "features":
        here, below = Path(given).expanduser(), root / given
        return read_features(name, below if not here.exists() and below.exists() else here)
    if colon:
        return _BY_FOLDER[kind](name, Path(given).expanduser())
    match name:
        case "digits":
            return read_digits()
        case "cifar10":
            return read_cifar10(root)
        case "svhn":
            return read_svhn(root)
        case "tiny-imagenet-100":
            return read_parquet_set(name, root / "tiny_imagenet_100")
        case _:
            return read_idx_set(name, root)


def _fetch_or_explain(name: str, root: Path, missing: MissingFilesError, *, download: bool) -> None:
    if ":" in name:
        raise MissingFilesError(f"{name}: {missing}") from missing
    if not download:
        reason = "downloading is switched off"
    elif name not in DOWNLOADS:
        reason = "there is no download for this data set"
    else:
        try:
            fetch(name, root)
            return
        # The network, the archive and the md5 check each raise errors of their own kind.
        except Exception as error:
            reason = f"the download failed ({error})"
    raise MissingFilesError(
        f"{name}: {missing}; {reason}. Say which folder holds the files with --data DIR, "
        "or in the environment variable ONEIROS_DATA"
    ) from missing


def _check_name(name: str) -> None:
    kind, colon, given = name.partition(":")
    if name in _BY_NAME or (colon and given and kind in _YOURS):
        return
    nearest = difflib.get_close_matches(name, names(), n=1, cutoff=0.4)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    raise DataError(f"there is no data set {name!r}.{hint} Known: {', '.join(names())}")
