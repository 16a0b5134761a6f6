"""The admin application with the house's own site. Not in `apps.py`: there Django would take it for this package's."""

from django.contrib.admin.apps import AdminConfig as BaseAdminConfig


class AdminConfig(BaseAdminConfig):
    default_site = "qingtian_perf.admin_site.AdminSite"
    verbose_name = "后台管理"
