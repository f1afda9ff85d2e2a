"""Arrays -> numbers: intervals over seeds, verdicts, forgetting. Knows nothing of networks or files."""

from oneiros.metrics.anova import mixed as mixed
from oneiros.metrics.anova import paired as paired
from oneiros.metrics.anova import regression as regression
from oneiros.metrics.anova import repeated_measures as repeated_measures
from oneiros.metrics.anova import two_way as two_way
from oneiros.metrics.distances import Organisation as Organisation
from oneiros.metrics.fid import frechet_distance as frechet_distance
from oneiros.metrics.fid import moments as moments
from oneiros.metrics.forgetting import accuracy_matrix as accuracy_matrix
from oneiros.metrics.forgetting import average_accuracy as average_accuracy
from oneiros.metrics.forgetting import average_forgetting as average_forgetting
from oneiros.metrics.intervals import Interval as Interval
from oneiros.metrics.intervals import mean_interval as mean_interval
from oneiros.metrics.verdicts import ClaimAnswer as ClaimAnswer
from oneiros.metrics.verdicts import ClaimResult as ClaimResult
from oneiros.metrics.verdicts import Verdict as Verdict
from oneiros.metrics.verdicts import claim as claim
from oneiros.metrics.verdicts import claim_answer as claim_answer
from oneiros.metrics.verdicts import holm as holm
from oneiros.metrics.verdicts import seeds_needed as seeds_needed
from oneiros.metrics.verdicts import verdict as verdict
