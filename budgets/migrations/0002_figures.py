from decimal import Decimal

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from budgets.triggers import figures_columns, figures_sql

FILL = f"INSERT INTO budgets_projectfigures ({', '.join(figures_columns())}) {figures_sql('budgets_ledgerentry')}"


class Migration(migrations.Migration):
    dependencies = [
        ("budgets", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="ProjectFigures",
            fields=[
                (
                    "project_year",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="figures",
                        serialize=False,
                        to="budgets.projectyear",
                        verbose_name="年度项目",
                    ),
                ),
                (
                    "initial",
                    models.DecimalField(decimal_places=2, default=Decimal("0"), max_digits=18, verbose_name="年初预算"),
                ),
                (
                    "carried_over",
                    models.DecimalField(decimal_places=2, default=Decimal("0"), max_digits=18, verbose_name="上年结转"),
                ),
                (
                    "recovered",
                    models.DecimalField(decimal_places=2, default=Decimal("0"), max_digits=18, verbose_name="收回"),
                ),
                (
                    "adjusted",
                    models.DecimalField(decimal_places=2, default=Decimal("0"), max_digits=18, verbose_name="全年预算"),
                ),
                (
                    "paid",
                    models.DecimalField(decimal_places=2, default=Decimal("0"), max_digits=18, verbose_name="全年支付"),
                ),
            ],
            options={
                "verbose_name": "年度项目合计",
                "verbose_name_plural": "年度项目合计",
            },
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="ledgerentry",
            name="keep_year_totals",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="ledgerentry",
            trigger=pgtrigger.compiler.Trigger(
                name="keep_year_totals",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="INSERT INTO budgets_yeartotals AS t (project_year_id, allocation, vintage, fund_source, fund_level, function_code, initial, carried_over, supplements, reductions, transfers_in, transfers_out, recovered, paid_01, paid_02, paid_03, paid_04, paid_05, paid_06, paid_07, paid_08, paid_09, paid_10, paid_11, paid_12) SELECT project_year_id, allocation, CASE WHEN MIN(vintage) IS NULL THEN NULL WHEN MIN(vintage) = MAX(vintage) THEN MIN(vintage) ELSE 0 END, CASE WHEN MIN(NULLIF(fund_source, '')) IS NULL THEN '' WHEN MIN(NULLIF(fund_source, '')) = MAX(NULLIF(fund_source, '')) THEN MIN(NULLIF(fund_source, '')) ELSE '*' END, CASE WHEN MIN(NULLIF(fund_level, '')) IS NULL THEN '' WHEN MIN(NULLIF(fund_level, '')) = MAX(NULLIF(fund_level, '')) THEN MIN(NULLIF(fund_level, '')) ELSE '*' END, CASE WHEN MIN(NULLIF(function_code, '')) IS NULL THEN '' WHEN MIN(NULLIF(function_code, '')) = MAX(NULLIF(function_code, '')) THEN MIN(NULLIF(function_code, '')) ELSE '*' END, COALESCE(SUM(amount) FILTER (WHERE kind = 'initial'), 0), COALESCE(SUM(amount) FILTER (WHERE kind = 'carried_over'), 0), COALESCE(SUM(amount) FILTER (WHERE kind = 'supplement'), 0), COALESCE(SUM(amount) FILTER (WHERE kind = 'reduction'), 0), COALESCE(SUM(amount) FILTER (WHERE kind = 'transfer_in'), 0), COALESCE(SUM(amount) FILTER (WHERE kind = 'transfer_out'), 0), COALESCE(SUM(amount) FILTER (WHERE kind = 'recovery'), 0), COALESCE(SUM(amount) FILTER (WHERE kind IN ('payment', 'refund', 'correction') AND EXTRACT(MONTH FROM date) = 1), 0), COALESCE(SUM(amount) FILTER (WHERE kind IN ('payment', 'refund', 'correction') AND EXTRACT(MONTH FROM date) = 2), 0), COALESCE(SUM(amount) FILTER (WHERE kind IN ('payment', 'refund', 'correction') AND EXTRACT(MONTH FROM date) = 3), 0), COALESCE(SUM(amount) FILTER (WHERE kind IN ('payment', 'refund', 'correction') AND EXTRACT(MONTH FROM date) = 4), 0), COALESCE(SUM(amount) FILTER (WHERE kind IN ('payment', 'refund', 'correction') AND EXTRACT(MONTH FROM date) = 5), 0), COALESCE(SUM(amount) FILTER (WHERE kind IN ('payment', 'refund', 'correction') AND EXTRACT(MONTH FROM date) = 6), 0), COALESCE(SUM(amount) FILTER (WHERE kind IN ('payment', 'refund', 'correction') AND EXTRACT(MONTH FROM date) = 7), 0), COALESCE(SUM(amount) FILTER (WHERE kind IN ('payment', 'refund', 'correction') AND EXTRACT(MONTH FROM date) = 8), 0), COALESCE(SUM(amount) FILTER (WHERE kind IN ('payment', 'refund', 'correction') AND EXTRACT(MONTH FROM date) = 9), 0), COALESCE(SUM(amount) FILTER (WHERE kind IN ('payment', 'refund', 'correction') AND EXTRACT(MONTH FROM date) = 10), 0), COALESCE(SUM(amount) FILTER (WHERE kind IN ('payment', 'refund', 'correction') AND EXTRACT(MONTH FROM date) = 11), 0), COALESCE(SUM(amount) FILTER (WHERE kind IN ('payment', 'refund', 'correction') AND EXTRACT(MONTH FROM date) = 12), 0) FROM fresh GROUP BY project_year_id, allocation ORDER BY project_year_id, allocation ON CONFLICT (project_year_id, allocation) DO UPDATE SET vintage = CASE WHEN EXCLUDED.vintage IS NOT DISTINCT FROM NULL THEN t.vintage WHEN t.vintage IS NOT DISTINCT FROM NULL THEN EXCLUDED.vintage WHEN t.vintage = EXCLUDED.vintage THEN t.vintage ELSE 0 END, fund_source = CASE WHEN EXCLUDED.fund_source IS NOT DISTINCT FROM '' THEN t.fund_source WHEN t.fund_source IS NOT DISTINCT FROM '' THEN EXCLUDED.fund_source WHEN t.fund_source = EXCLUDED.fund_source THEN t.fund_source ELSE '*' END, fund_level = CASE WHEN EXCLUDED.fund_level IS NOT DISTINCT FROM '' THEN t.fund_level WHEN t.fund_level IS NOT DISTINCT FROM '' THEN EXCLUDED.fund_level WHEN t.fund_level = EXCLUDED.fund_level THEN t.fund_level ELSE '*' END, function_code = CASE WHEN EXCLUDED.function_code IS NOT DISTINCT FROM '' THEN t.function_code WHEN t.function_code IS NOT DISTINCT FROM '' THEN EXCLUDED.function_code WHEN t.function_code = EXCLUDED.function_code THEN t.function_code ELSE '*' END, initial = t.initial + EXCLUDED.initial, carried_over = t.carried_over + EXCLUDED.carried_over, supplements = t.supplements + EXCLUDED.supplements, reductions = t.reductions + EXCLUDED.reductions, transfers_in = t.transfers_in + EXCLUDED.transfers_in, transfers_out = t.transfers_out + EXCLUDED.transfers_out, recovered = t.recovered + EXCLUDED.recovered, paid_01 = t.paid_01 + EXCLUDED.paid_01, paid_02 = t.paid_02 + EXCLUDED.paid_02, paid_03 = t.paid_03 + EXCLUDED.paid_03, paid_04 = t.paid_04 + EXCLUDED.paid_04, paid_05 = t.paid_05 + EXCLUDED.paid_05, paid_06 = t.paid_06 + EXCLUDED.paid_06, paid_07 = t.paid_07 + EXCLUDED.paid_07, paid_08 = t.paid_08 + EXCLUDED.paid_08, paid_09 = t.paid_09 + EXCLUDED.paid_09, paid_10 = t.paid_10 + EXCLUDED.paid_10, paid_11 = t.paid_11 + EXCLUDED.paid_11, paid_12 = t.paid_12 + EXCLUDED.paid_12; INSERT INTO budgets_projectfigures AS t (project_year_id, initial, carried_over, recovered, adjusted, paid) SELECT project_year_id, COALESCE(SUM(amount) FILTER (WHERE kind = 'initial'), 0), COALESCE(SUM(amount) FILTER (WHERE kind = 'carried_over'), 0), COALESCE(SUM(amount) FILTER (WHERE kind = 'recovery'), 0), COALESCE(SUM(amount) FILTER (WHERE kind NOT IN ('payment', 'refund', 'correction')), 0), COALESCE(SUM(amount) FILTER (WHERE kind IN ('payment', 'refund', 'correction')), 0) FROM fresh GROUP BY project_year_id ORDER BY project_year_id ON CONFLICT (project_year_id) DO UPDATE SET initial = t.initial + EXCLUDED.initial, carried_over = t.carried_over + EXCLUDED.carried_over, recovered = t.recovered + EXCLUDED.recovered, adjusted = t.adjusted + EXCLUDED.adjusted, paid = t.paid + EXCLUDED.paid; RETURN NULL;",
                    hash="43c55bdbd4af100c3347a6c3679c134105092664",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_keep_year_totals_d33e5",
                    referencing="REFERENCING NEW TABLE AS fresh ",
                    table="budgets_ledgerentry",
                    when="AFTER",
                ),
            ),
        ),
        # What was posted before this table existed.
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
