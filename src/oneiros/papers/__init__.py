"""Published papers, one folder each; each lists its experiments. Nothing else imports from here."""

import importlib
import pkgutil

EXPERIMENTS = {
    f"{paper.name}/{name}": listed
    for paper in pkgutil.iter_modules(__path__)
    for name, listed in importlib.import_module(f"{__name__}.{paper.name}").EXPERIMENTS.items()
}
