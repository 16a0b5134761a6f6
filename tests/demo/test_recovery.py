"""The recovery of 2023: its total comes out of rows, and rows move it."""

import csv
import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import Count, F, Max, Min, Sum

from budgets.enums import EntryKind
from budgets.models import Commitment, LedgerEntry, YearTotals
from monitoring.enums import LineState, Stance, Verdict
from monitoring.models import Opinion, RecoveryDecision, RecoveryLine, RecoveryRun
from monitoring.queries import matching
from notices.models import Notice
from organisations.models import User
from qingtian_perf.demo import accounts
from qingtian_perf.demo.recovery import first_run, second_run

RECOVERED = Decimal("11970000.00")


def executed() -> Any:
    return RecoveryLine.objects.filter(run=first_run(), state=LineState.EXECUTED)


def what_if(as_of: str = "2023-09-30") -> dict[tuple[str, str | None], Decimal]:
    """(project code, 指标) → recoverable yuan, as the command answers it; their sum is its total."""
    out = StringIO()
    call_command("compute_recovery", "--year", "2023", "--as-of", as_of, "--what-if", "--json", stdout=out)
    answer = json.loads(out.getvalue())
    lines = {(line["project_code"], line["allocation"]): Decimal(line["recoverable"]) for line in answer["lines"]}
    assert sum(lines.values()) == Decimal(answer["recoverable"])
    return lines


def test_executed_total_is_that_of_the_report(demo: dict[str, Any]) -> None:
    total = executed().aggregate(decided=Sum("decided"), booked=Sum("entry__amount"))
    assert total == {"decided": RECOVERED, "booked": -RECOVERED}
    assert YearTotals.objects.aggregate(total=Sum("recovered"))["total"] == -RECOVERED


def test_many_lines_of_many_departments_none_of_them_large(demo: dict[str, Any]) -> None:
    lines = executed()
    assert lines.count() >= 40
    by_department = lines.values("project_year__department").annotate(total=Sum("decided"))
    assert len(by_department) >= 20
    assert max(row["total"] for row in by_department) <= RECOVERED / 5
    assert lines.aggregate(most=Max("decided"))["most"] <= RECOVERED / 5


def test_proposals_are_larger_than_what_was_executed(demo: dict[str, Any]) -> None:
    proposed = RecoveryLine.objects.filter(run=first_run()).aggregate(total=Sum("recoverable"))["total"]
    assert proposed == first_run().recoverable
    assert proposed > RECOVERED * Decimal("1.5")


def test_every_verdict_was_given_with_its_reason(demo: dict[str, Any]) -> None:
    lines = RecoveryLine.objects.filter(run=first_run()).exclude(state=LineState.NOTED)
    verdicts = Counter(lines.values_list("verdict", flat=True))
    assert min(verdicts[verdict] for verdict in Verdict) >= 10
    for line in lines.filter(verdict__in=[Verdict.REDUCE, Verdict.DROP]):
        assert line.flow.get(action=line.verdict).comment
        declared = line.opinions.filter(stance=Stance.OBJECT, must_pay__gt=0).first()
        assert declared is not None
        assert declared.must_pay_reason
        assert declared.evidence_note
    assert not lines.exclude(state__in=[LineState.EXECUTED, LineState.DROPPED]).exists()


def test_reduced_lines_follow_from_what_was_declared(demo: dict[str, Any]) -> None:
    for line in executed().filter(verdict=Verdict.REDUCE).select_related("project_year"):
        declared = Commitment.objects.get(project_year=line.project_year).amount
        assert line.decided == (line.adjusted - line.paid - declared) // 100 * 100


def test_opinions_agree_object_and_stay_silent(demo: dict[str, Any]) -> None:
    opinions = Opinion.objects.filter(line__run=first_run())
    assert {stance for (stance,) in opinions.values_list("stance")} == set(Stance.values)
    assert {party for (party,) in opinions.values_list("party")} == {"unit", "department", "division"}
    kept = executed().filter(verdict=Verdict.KEEP)
    assert kept.filter(opinions=None, flow__warning__contains="视为同意").exists()
    assert kept.filter(opinions__stance=Stance.OBJECT).exists()


def test_executed_by_import_and_by_hand(demo: dict[str, Any]) -> None:
    by_hand = executed().exclude(document_number="")
    assert 10 <= by_hand.count() < executed().count() / 2
    # The treasury's file has them all: one entry counts, the other is linked.
    assert not executed().filter(imported_entry=None).exists()
    assert executed().values("entry").distinct().count() == executed().count()
    assert executed().aggregate(first=Min("executed_on"))["first"] > RecoveryDecision.objects.get(run=first_run()).date


def test_steps_bear_the_dates_of_their_year(demo: dict[str, Any]) -> None:
    flow = RecoveryLine.flow.rel.related_model.objects.filter(subject__run=first_run())
    span = flow.aggregate(first=Min("at"), last=Max("at"))
    assert (span["first"].year, span["last"].year) == (2023, 2023)


def test_notice_parts_lists_and_entries_agree(demo: dict[str, Any]) -> None:
    notice = Notice.objects.get(source_key__startswith=f"recovery:{first_run().pk}:")
    assert notice.number == "青财绩效〔2023〕96号"
    assert Decimal(notice.context["total"]) == RECOVERED
    told = Decimal(0)
    for recipient in notice.recipients.all():
        lines = RecoveryLine.objects.filter(recipient=recipient)
        amount = Decimal(recipient.part["amount"])
        assert amount == sum(Decimal(row["amount"]) for row in recipient.part["lines"])
        assert amount == -lines.aggregate(total=Sum("entry__amount"))["total"]
        assert {line.project_year.department_id for line in lines} == {recipient.organisation_id}
        told += amount
    assert told == RECOVERED
    assert notice.recipients.count() == executed().values("project_year__department").distinct().count()
    assert 0 < notice.recipients.filter(confirmed_at=None).count() < notice.recipients.count()


def test_second_run_leaves_work_on_every_desk(demo: dict[str, Any]) -> None:
    states = dict(RecoveryLine.objects.filter(run=second_run()).values_list("state").annotate(n=Count("pk")).order_by())
    for state in (LineState.PROPOSED, LineState.CONSULTING, LineState.REVIEWING, LineState.PENDING):
        assert states[state] >= 3, states
    assert LineState.EXECUTED not in states
    unanswered = RecoveryLine.objects.filter(run=second_run(), state=LineState.CONSULTING, opinions=None)
    assert unanswered.exists()
    assert len(matching.unclear_entries(2023)) == 1
    assert RecoveryRun.objects.filter(computed_at=None).count() == 0


@pytest.mark.parametrize("label", ["部门审核岗", "单位审核岗", "归口科室", "单位填报岗"])
def test_shown_accounts_find_something_to_answer(demo: dict[str, Any], label: str) -> None:
    (username,) = [name for shown, name, _, _ in accounts() if shown.startswith(label)]
    seen = RecoveryLine.objects.visible_to(User.objects.get(username=username))
    assert seen.filter(run=second_run(), state=LineState.CONSULTING, opinions=None).exists()


def test_exempt_small_and_broad_lines_are_shown_too(demo: dict[str, Any]) -> None:
    lines = RecoveryLine.objects.filter(run=first_run())
    assert lines.filter(status="below_minimum").count() >= 5
    assert set(lines.exclude(exempt_reason="").values_list("exempt_reason", flat=True)) >= {"mark", "fund_source"}
    assert lines.filter(allocation=None, status="recoverable").exists()


def test_nobody_is_recovered_from_below_its_payments(demo: dict[str, Any]) -> None:
    """Recovered lines can pay all they still pay until the end of the year."""
    overdrawn = YearTotals.objects.filter(paid__gt=F("adjusted")).exclude(allocation="")
    assert list(overdrawn.values_list("project_year__project__code", flat=True)) == []


@pytest.fixture
def five_payments(demo: dict[str, Any], tmp_path: Path) -> Iterator[tuple[Path, list[tuple[str, str | None]]]]:
    """A treasury's file with one more payment of 10,000 yuan in September for five recoverable lines."""
    large = [key for key, amount in sorted(what_if().items()) if amount >= 50_000 and key[1]]
    chosen = large[:: len(large) // 5][:5]
    path = tmp_path / "追加凭证.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["业务类型", "凭证号", "明细号", "业务日期", "预算年度", "项目代码", "指标文号/ID", "金额", "摘要"]
        )
        for number, (code, allocation) in enumerate(chosen, start=1):
            row = ["支付", f"BC{number:03}", "1", "2023-09-15", "2023", code, allocation, "10000.00", "演示数据：补充"]
            writer.writerow(row)
    yield path, chosen


def test_five_payments_lower_their_lines_and_the_total_by_exactly_that(
    five_payments: tuple[Path, list[tuple[str, str | None]]],
) -> None:
    path, chosen = five_payments
    assert len(set(chosen)) == 5
    before = what_if()
    assert sum(before.values()) == RECOVERED
    out = StringIO()
    call_command("import_workbook", "ledger", str(path), "--year", "2023", "--json", stdout=out)
    assert json.loads(out.getvalue())["created"] == 5
    after = what_if()
    for key, amount in before.items():
        assert after[key] == amount - (10_000 if key in chosen else 0), key
    assert after.keys() == before.keys()
    assert sum(after.values()) == RECOVERED - 50_000


def test_any_line_would_fall_with_a_payment(demo: dict[str, Any]) -> None:
    """Whichever five lines are chosen: 10,000 yuan more leave each below the rule's half and above its minimum."""
    for line in executed():
        assert (line.paid + 10_000) * 2 < line.adjusted
        assert line.decided >= 10_000 + line.run.rule.minimum


def test_entries_after_the_day_never_count(demo: dict[str, Any]) -> None:
    before = what_if("2023-10-20")
    assert LedgerEntry.objects.filter(kind=EntryKind.RECOVERY, date__gt=date(2023, 10, 20)).exists()
    assert sum(before.values()) > 0
    later = what_if("2023-10-25")
    gone = {key for key, amount in before.items() if amount and not later.get(key)}
    assert gone
