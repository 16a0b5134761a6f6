"""States, verdicts and reason codes of recovery."""

from django.db.models import TextChoices


class RuleState(TextChoices):
    DRAFT = "draft", "草案"
    PUBLISHED = "published", "已发布"


class Level(TextChoices):
    """Level of the money a rule looks at; the values are those of the rules file."""

    OWN = "本级", "本级"
    HIGHER = "上级", "上级"


class Vintage(TextChoices):
    CURRENT = "当年", "当年"
    CARRIED = "结转", "结转"


class LineStatus(TextChoices):
    """What the rule says of a candidate."""

    RECOVERABLE = "recoverable", "可收回"
    BELOW_MINIMUM = "below_minimum", "低于起收金额"
    EXEMPT = "exempt", "豁免"


class Reason(TextChoices):
    """Why a line is a candidate. Stable codes: stored with the line, never renamed."""

    RATE = "rate", "执行率偏低"
    LAG = "lag", "落后序时进度"
    BOTH = "both", "执行率偏低且落后序时进度"


class Exemption(TextChoices):
    """Why a candidate is exempt, in the order in which they are asked. Stable codes."""

    CATEGORY = "category", "项目类别豁免"
    FUND_SOURCE = "fund_source", "资金性质豁免"
    MARK = "mark", "标记豁免"


class LineState(TextChoices):
    """The way of a line: 拟收回 → 征求意见 → 会审 → 决定 → 待执行 → 已执行, or 不收回."""

    PROPOSED = "proposed", "拟收回"
    CONSULTING = "consulting", "征求意见"
    REVIEWING = "reviewing", "会审"
    DECIDED = "decided", "已决定"
    PENDING = "pending", "待执行"
    EXECUTED = "executed", "已执行"
    DROPPED = "dropped", "不收回"
    NOTED = "noted", "不列入"


class Verdict(TextChoices):
    """会审意见."""

    KEEP = "keep", "收回"
    REDUCE = "reduce", "减少"
    DROP = "drop", "不收回"


class Stance(TextChoices):
    AGREE = "agree", "同意"
    OBJECT = "object", "有异议"


class Party(TextChoices):
    """Who gave the opinion."""

    UNIT = "unit", "预算单位"
    DEPARTMENT = "department", "主管部门"
    DIVISION = "division", "归口科室"


# Money on its way: proposals that nobody has decided yet.
UNDECIDED = (LineState.PROPOSED, LineState.CONSULTING, LineState.REVIEWING)
# Decided, and not yet in the ledger.
AWAITING = (LineState.DECIDED, LineState.PENDING)
# What departments see: from the request for their opinion on.
OPEN_TO_DEPARTMENTS = (
    LineState.CONSULTING,
    LineState.REVIEWING,
    LineState.DECIDED,
    LineState.PENDING,
    LineState.EXECUTED,
    LineState.DROPPED,
)
