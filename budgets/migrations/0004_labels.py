import django.db.models.expressions
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("budgets", "0003_standing_entries"),
    ]

    operations = [
        migrations.AlterField(
            model_name="yeartotals",
            name="adjusted",
            field=models.GeneratedField(
                db_persist=True,
                expression=django.db.models.expressions.CombinedExpression(
                    django.db.models.expressions.CombinedExpression(
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("initial"), "+", models.F("carried_over")
                                    ),
                                    "+",
                                    models.F("supplements"),
                                ),
                                "+",
                                models.F("reductions"),
                            ),
                            "+",
                            models.F("transfers_in"),
                        ),
                        "+",
                        models.F("transfers_out"),
                    ),
                    "+",
                    models.F("recovered"),
                ),
                output_field=models.DecimalField(decimal_places=2, max_digits=18, verbose_name="全年预算"),
                verbose_name="全年预算",
            ),
        ),
        migrations.AlterField(
            model_name="yeartotals",
            name="paid",
            field=models.GeneratedField(
                db_persist=True,
                expression=django.db.models.expressions.CombinedExpression(
                    django.db.models.expressions.CombinedExpression(
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        django.db.models.expressions.CombinedExpression(
                                            django.db.models.expressions.CombinedExpression(
                                                django.db.models.expressions.CombinedExpression(
                                                    django.db.models.expressions.CombinedExpression(
                                                        django.db.models.expressions.CombinedExpression(
                                                            models.F("paid_01"), "+", models.F("paid_02")
                                                        ),
                                                        "+",
                                                        models.F("paid_03"),
                                                    ),
                                                    "+",
                                                    models.F("paid_04"),
                                                ),
                                                "+",
                                                models.F("paid_05"),
                                            ),
                                            "+",
                                            models.F("paid_06"),
                                        ),
                                        "+",
                                        models.F("paid_07"),
                                    ),
                                    "+",
                                    models.F("paid_08"),
                                ),
                                "+",
                                models.F("paid_09"),
                            ),
                            "+",
                            models.F("paid_10"),
                        ),
                        "+",
                        models.F("paid_11"),
                    ),
                    "+",
                    models.F("paid_12"),
                ),
                output_field=models.DecimalField(decimal_places=2, max_digits=18, verbose_name="全年支付"),
                verbose_name="全年支付",
            ),
        ),
    ]
