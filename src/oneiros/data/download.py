"""Fetching what is missing. The only file that knows torchvision, which it imports when it is needed."""

from pathlib import Path

from oneiros.data.cifar10 import BINARY_FOLDER

DOWNLOADS = ("mnist", "fashion-mnist", "kmnist", "cifar10", "svhn")

# The authors' archive without pickles; torchvision's CIFAR10 class knows only the one with.
_CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
_CIFAR10_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"


def fetch(name: str, root: Path) -> None:
    """Download one of `DOWNLOADS` below `root`, in torchvision's layout; torchvision verifies the official md5s.

    Fails with whatever the network, the disk, the archive or the verification raises.
    """
    import torchvision.datasets as tv  # takes seconds to import: see this file's first line
    from torchvision.datasets.utils import download_and_extract_archive

    root.mkdir(parents=True, exist_ok=True)
    match name:
        case "mnist":
            tv.MNIST(root, download=True)
        case "fashion-mnist":
            tv.FashionMNIST(root, download=True)
        case "kmnist":
            tv.KMNIST(root, download=True)
        case "svhn":
            for split in ("train", "test"):
                tv.SVHN(root, split=split, download=True)
        case "cifar10":
            download_and_extract_archive(_CIFAR10_URL, root, md5=_CIFAR10_MD5, remove_finished=True)
            if not (root / BINARY_FOLDER).is_dir():
                raise RuntimeError(f"the archive holds no folder {BINARY_FOLDER}")
        case _:
            raise ValueError(f"there is no download for {name!r}; expected one of {', '.join(DOWNLOADS)}")
