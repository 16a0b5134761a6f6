"""资金收回. The work year is the fiscal year of the money."""

from django.urls import path

from monitoring.views import execution, lines, runs, what_if, workbooks

urlpatterns = [
    path("<int:year>/recovery/", lines.RecoveryLineList.as_view(), name="recovery_list"),
    path("<int:year>/recovery/what-if/", what_if.what_if, name="recovery_what_if"),
    path("<int:year>/recovery/what-if/export/", what_if.what_if_export, name="recovery_what_if_export"),
    path("<int:year>/recovery/rules/publish/", what_if.rule_publish, name="recovery_rule_publish"),
    path("<int:year>/recovery/runs/", runs.run_list, name="recovery_run_list"),
    path("<int:year>/recovery/rules/<int:pk>/run/", runs.run_start, name="recovery_run_start"),
    path("<int:year>/recovery/runs/<int:pk>/", runs.run, name="recovery_run"),
    path("<int:year>/recovery/runs/<int:pk>/request/", runs.run_request, name="recovery_run_request"),
    path("<int:year>/recovery/runs/<int:pk>/submit/", runs.run_submit, name="recovery_run_submit"),
    path("<int:year>/recovery/runs/<int:pk>/decide/", runs.run_decide, name="recovery_run_decide"),
    path("<int:year>/recovery/runs/<int:pk>/hand-over/", runs.run_hand_over, name="recovery_run_hand_over"),
    path("<int:year>/recovery/runs/<int:pk>/notice/", runs.run_notice, name="recovery_run_notice"),
    path("<int:year>/recovery/scans/<int:pk>/", runs.scan, name="recovery_scan"),
    path("<int:year>/recovery/lines/<int:pk>/", lines.line, name="recovery_line"),
    path("<int:year>/recovery/lines/<int:pk>/opinion/", lines.line_opinion, name="recovery_line_opinion"),
    path("<int:year>/recovery/lines/<int:pk>/review/", lines.line_review, name="recovery_line_review"),
    path("<int:year>/recovery/lines/<int:pk>/assign/", lines.line_assign, name="recovery_line_assign"),
    path("<int:year>/recovery/lines/<int:pk>/withdraw/", lines.line_withdraw, name="recovery_line_withdraw"),
    path("<int:year>/recovery/evidence/<int:pk>/", lines.evidence, name="recovery_evidence"),
    path("<int:year>/recovery/pending/", execution.PendingList.as_view(), name="recovery_pending"),
    path("<int:year>/recovery/pending/match/", execution.match, name="recovery_match"),
    path("<int:year>/recovery/pending/settle/<int:entry_pk>/", execution.settle, name="recovery_settle"),
    path("<int:year>/recovery/opinions/", workbooks.opinions, name="recovery_opinions"),
    path("<int:year>/recovery/opinions/workbook/", workbooks.opinion_workbook, name="recovery_opinion_workbook"),
]
