"""The libraries' tables in the admin's clothes: people, the timetable, API tokens and the audit trail."""

from typing import Any

from auditlog.models import LogEntry
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django_celery_beat import admin as beat_admin
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from knox.models import AuthToken
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from bakery_iot.admin_audit import AuditTrailAdmin
from bakery_iot.admin_data import BakeryDataAdmin, DataJobAdmin
from bakery_iot.second_factor import remove_second_factor
from equipment.models import Bakery, DataJob

for model in (User, Group, LogEntry, AuthToken, PeriodicTask, SolarSchedule, TOTPDevice, StaticDevice):
    admin.site.unregister(model)
for schedule in (IntervalSchedule, CrontabSchedule, ClockedSchedule):
    admin.site.unregister(schedule)
admin.site.register(LogEntry, AuditTrailAdmin)
admin.site.unregister(Bakery)  # its data's rights concern the tables of all apps
admin.site.register(Bakery, BakeryDataAdmin)
admin.site.register(DataJob, DataJobAdmin)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[misc,type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "first_name", "last_name", "is_staff", "is_active", "last_login")
    actions = ("remove_second_factors",)

    @admin.action(description="Remove the second factor: for a lost phone", permissions=["change"])
    def remove_second_factors(self, request: HttpRequest, rows: QuerySet[User]) -> None:
        for user in rows:
            remove_second_factor(user)
        self.message_user(request, "Removed. They can sign in with their password, and set up a new one.")


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):  # type: ignore[misc]
    pass


class TaskSelectWidget(UnfoldAdminSelectWidget, beat_admin.TaskSelectWidget):  # type: ignore[misc]
    pass


class PeriodicTaskForm(beat_admin.PeriodicTaskForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = TaskSelectWidget()


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(beat_admin.PeriodicTaskAdmin, ModelAdmin):  # type: ignore[misc]
    form = PeriodicTaskForm
    change_form_template = "bakery_iot/admin/periodic_task.html"  # the library's has a script inside the page


@admin.register(IntervalSchedule, ClockedSchedule)
class ScheduleAdmin(ModelAdmin):  # type: ignore[misc]
    pass


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(beat_admin.CrontabScheduleAdmin, ModelAdmin):  # type: ignore[misc]
    inlines = ()


@admin.register(AuthToken)
class AuthTokenAdmin(ModelAdmin):  # type: ignore[misc]
    """To take a lost token away. Nobody can be given one here: its text would pass a third pair of eyes."""

    list_display = ("user", "created", "expiry")
    list_display_links = None
    search_fields = ("user__username",)
    list_select_related = ("user",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
