"""Kinds of projects, money and imports; codes follow 财办〔2023〕12号 where it has one."""

from django.db.models import TextChoices


class ProjectCategory(TextChoices):
    """项目类别. 其他运转类 and 特定目标类 are what performance work covers (基本支出以外)."""

    PERSONNEL = "1", "人员类"
    PUBLIC_FUNDS = "21", "公用经费"
    OTHER_OPERATION = "22", "其他运转类"
    SPECIFIC = "3", "特定目标类"


class ProjectKind(TextChoices):
    NEW = "new", "新增"
    CONTINUED = "continued", "延续"


class FundLevel(TextChoices):
    OWN = "own", "本级"
    HIGHER = "higher", "上级"
    MIXED = "*", "混合"
    UNKNOWN = "", "未注明"


class EntryKind(TextChoices):
    """业务类型. Amounts are signed by their effect: what lowers the budget or the payments is negative."""

    INITIAL = "initial", "年初预算"
    CARRIED_OVER = "carried_over", "上年结转"
    SUPPLEMENT = "supplement", "追加"
    REDUCTION = "reduction", "调减"
    TRANSFER_IN = "transfer_in", "调剂转入"
    TRANSFER_OUT = "transfer_out", "调剂转出"
    RECOVERY = "recovery", "收回"
    PAYMENT = "payment", "支付"
    REFUND = "refund", "支付退回"
    CORRECTION = "correction", "支付更正"


BUDGET_KINDS = (
    EntryKind.INITIAL,
    EntryKind.CARRIED_OVER,
    EntryKind.SUPPLEMENT,
    EntryKind.REDUCTION,
    EntryKind.TRANSFER_IN,
    EntryKind.TRANSFER_OUT,
    EntryKind.RECOVERY,
)
PAYMENT_KINDS = (EntryKind.PAYMENT, EntryKind.REFUND, EntryKind.CORRECTION)
# The sign that an entry of this kind must carry; corrections may have either.
NEGATIVE_KINDS = (EntryKind.REDUCTION, EntryKind.TRANSFER_OUT, EntryKind.RECOVERY, EntryKind.REFUND)


class SourceKind(TextChoices):
    PROJECTS = "projects", "项目及预算"
    VOUCHERS = "vouchers", "支付凭证"
    REFUNDS = "refunds", "支付退回表"
    BALANCE = "balance", "月度余额表"
    SYSTEM = "system", "本系统"


class PaymentBasis(TextChoices):
    """What the payments of a fiscal year and fund are taken from; never two at once, or they would count twice."""

    VOUCHERS = "vouchers", "支付凭证与退回表"
    BALANCE = "balance", "月度余额表"


class FindingStage(TextChoices):
    TARGET = "target", "绩效目标审核"
    MONITORING = "monitoring", "运行监控"
    SELF_EVALUATION = "self_evaluation", "绩效自评"
    SAMPLING = "sampling", "绩效抽评"
    KEY_EVALUATION = "key_evaluation", "重点评价"
    EX_ANTE = "ex_ante", "事前评估"


class FindingState(TextChoices):
    OPEN = "open", "未整改"
    MENDED = "mended", "已整改"


class Grade(TextChoices):
    """评价等级, bands of 财预〔2020〕10号: 90 / 80 / 60."""

    EXCELLENT = "excellent", "优"
    GOOD = "good", "良"
    FAIR = "fair", "中"
    POOR = "poor", "差"


class VanishedState(TextChoices):
    OPEN = "open", "待处理"
    REVERSED = "reversed", "已冲销"
    KEPT = "kept", "保留"
