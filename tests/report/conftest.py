"""Pictures of the tests need no print quality."""

import pytest

from oneiros.report import figures


@pytest.fixture(autouse=True, scope="session")
def coarse_pictures():
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(figures, "DPI", 40)
        yield
