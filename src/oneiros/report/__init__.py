"""Rows -> verdicts, tables, figures and one HTML page. Reads rows only; trains nothing."""

from oneiros.report.check import Check as Check
from oneiros.report.check import ClaimVerdict as ClaimVerdict
from oneiros.report.check import TargetVerdict as TargetVerdict
from oneiros.report.check import check as check
from oneiros.report.check import judge_claims as judge_claims
from oneiros.report.check import judge_targets as judge_targets
from oneiros.report.drawing import Drawing as Drawing
from oneiros.report.evidence import Evidence as Evidence
from oneiros.report.evidence import claims_of as claims_of
from oneiros.report.evidence import sound as sound
from oneiros.report.evidence import targets_of as targets_of
from oneiros.report.evidence import values_by_seed as values_by_seed
from oneiros.report.figures import accuracy_matrices as accuracy_matrices
from oneiros.report.figures import accuracy_over_tasks as accuracy_over_tasks
from oneiros.report.figures import confusions as confusions
from oneiros.report.figures import final_accuracy as final_accuracy
from oneiros.report.figures import to_svg as to_svg
from oneiros.report.page import write_page as write_page
from oneiros.report.page import write_report as write_report
from oneiros.report.tables import claims_table as claims_table
from oneiros.report.tables import forgetting_table as forgetting_table
from oneiros.report.tables import in_reading_order as in_reading_order
from oneiros.report.tables import results_table as results_table
from oneiros.report.tables import seeds_table as seeds_table
from oneiros.report.tables import to_html as to_html
from oneiros.report.tables import to_markdown as to_markdown
