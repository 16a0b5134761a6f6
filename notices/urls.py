"""通知公文."""

from django.urls import path

from notices import views

urlpatterns = [
    path("<int:year>/notices/", views.NoticeList.as_view(), name="notice_list"),
    path("<int:year>/notices/<int:pk>/", views.notice, name="notice"),
    path("<int:year>/notices/<int:pk>/issue/", views.notice_issue, name="notice_issue"),
    path("<int:year>/notices/<int:pk>/batch/", views.notice_batch, name="notice_batch"),
    path("<int:year>/notices/<int:pk>/letter.<str:kind>", views.notice_letter, name="notice_letter"),
    path("<int:year>/notices/parts/<int:pk>.pdf", views.notice_part, name="notice_part"),
    path("<int:year>/notices/parts/<int:pk>/confirm/", views.notice_confirm, name="notice_confirm"),
]
