"""项目与预算, 导入, 待认领, 消失流水, 来源方案. The year in the address is the work year."""

from django.urls import path

from budgets.views import imports, projects, waiting

urlpatterns = [
    path("<int:year>/projects/", projects.ProjectList.as_view(), name="project_list"),
    path("<int:year>/projects/<int:pk>/", projects.project, name="project"),
    path("<int:year>/search/", projects.search, name="search"),
    path("<int:year>/imports/", imports.import_list, name="import_list"),
    path("<int:year>/imports/template/", imports.import_template, name="import_template"),
    path("<int:year>/imports/<int:pk>/", imports.import_detail, name="import_detail"),
    path("<int:year>/imports/<int:pk>/state/", imports.import_state, name="import_state"),
    path("<int:year>/imports/<int:pk>/confirm/", imports.import_confirm, name="import_confirm"),
    path("<int:year>/imports/sources/", imports.source_list, name="source_list"),
    path("<int:year>/imports/sources/new/", imports.source_new, name="source_new"),
    path("<int:year>/imports/held/", waiting.HeldList.as_view(), name="held_list"),
    path("<int:year>/imports/held/<int:pk>/", waiting.held, name="held"),
    path("<int:year>/imports/held/<int:pk>/claim/", waiting.held_claim, name="held_claim"),
    path("<int:year>/imports/vanished/", waiting.VanishedList.as_view(), name="vanished_list"),
    path("<int:year>/imports/vanished/<int:pk>/", waiting.vanished, name="vanished"),
    path("<int:year>/imports/vanished/<int:pk>/settle/", waiting.vanished_settle, name="vanished_settle"),
]
