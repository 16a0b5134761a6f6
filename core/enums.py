"""States and kinds of the shared rooms."""

from django.db.models import TextChoices


class JobState(TextChoices):
    QUEUED = "queued", "排队中"
    RUNNING = "running", "进行中"
    DONE = "done", "已完成"
    FAILED = "failed", "未完成"
    CANCELLED = "cancelled", "已取消"


ACTIVE_JOB_STATES = (JobState.QUEUED, JobState.RUNNING)


class SecurityEventKind(TextChoices):
    LOGIN = "login", "登录"
    LOGIN_FAILED = "login_failed", "登录失败"
    LOGOUT = "logout", "退出"
    LOCKED = "locked", "锁定"
    REFUSED = "refused", "拒绝"
    EXPORT = "export", "导出"
    IMPORT = "import", "导入"
    ACCOUNT = "account", "账号变更"
    PASSWORD = "password", "密码变更"
    SETTINGS = "settings", "设置变更"
