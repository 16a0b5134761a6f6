from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "core"
    verbose_name = "作业、文件与日志"
