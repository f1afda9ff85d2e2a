"""Arrays -> numbers: intervals over seeds, verdicts, forgetting. Knows nothing of networks or files."""

from oneiros.measure.metrics.anova import mixed as mixed
from oneiros.measure.metrics.anova import paired as paired
from oneiros.measure.metrics.anova import regression as regression
from oneiros.measure.metrics.anova import repeated_measures as repeated_measures
from oneiros.measure.metrics.anova import two_way as two_way
from oneiros.measure.metrics.distances import Organisation as Organisation
from oneiros.measure.metrics.fid import frechet_distance as frechet_distance
from oneiros.measure.metrics.fid import moments as moments
from oneiros.measure.metrics.forgetting import accuracy_matrix as accuracy_matrix
from oneiros.measure.metrics.forgetting import average_accuracy as average_accuracy
from oneiros.measure.metrics.forgetting import average_forgetting as average_forgetting
from oneiros.measure.metrics.intervals import Interval as Interval
from oneiros.measure.metrics.intervals import mean_interval as mean_interval
from oneiros.measure.metrics.verdicts import ClaimAnswer as ClaimAnswer
from oneiros.measure.metrics.verdicts import ClaimResult as ClaimResult
from oneiros.measure.metrics.verdicts import Verdict as Verdict
from oneiros.measure.metrics.verdicts import claim as claim
from oneiros.measure.metrics.verdicts import claim_answer as claim_answer
from oneiros.measure.metrics.verdicts import holm as holm
from oneiros.measure.metrics.verdicts import seeds_needed as seeds_needed
from oneiros.measure.metrics.verdicts import verdict as verdict
