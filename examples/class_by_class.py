"""scikit-learn: `partial_fit` one class at a time, `sleep` after each; no example is stored.

python examples/class_by_class.py [--smoke]
"""

import sys

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from oneiros.sleeper import NoSleep
from oneiros.sleeper.sklearn import SleepingClassifier

classes = range(4 if "--smoke" in sys.argv else 10)
x, y = load_digits(n_class=len(classes), return_X_y=True)
x, test_x, y, test_y = train_test_split(x, y, test_size=0.3, random_state=0, stratify=y)

for name, mechanism in {"without": NoSleep(), "with": None}.items():
    model = SleepingClassifier(bounds=(0, 16), mechanism=mechanism, random_state=0)
    for label in classes:
        model.partial_fit(x[y == label], y[y == label], classes=classes).sleep()
    print(name, model.score(test_x, test_y))
