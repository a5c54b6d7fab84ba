"""Rules, opening hours and quiet times in the admin. A rule shows what it stands on, and what it would have done."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from alerts.admin_dry_run import describe_run, render_table
from alerts.admin_messages import PAGES as MESSAGE_PAGES
from alerts.compiling import compile_machines, with_plans
from alerts.conditions import CONDITIONS
from alerts.inheritance import PLACES, explain
from alerts.models import Alert, AlertRule, FaultCode, MaintenanceWindow, OpeningHours, Snooze
from equipment.admin import OwnBakeriesAdmin
from equipment.admin_records import ReadOnlyAdmin
from equipment.models import Equipment
from equipment.selectors import bakeries_for

DRY_RUN_DAYS = (7, 30)
WHERE = ("alert_type", "metric", "bakery", "equipment")
CONDITION_COLUMNS = ("enabled", "severity", "upper", "lower", "deadband", "on_delay_seconds", "clear_delay_seconds")
VALUES = (*CONDITION_COLUMNS, "only_in_plan", "is_food_safety", "escalate_after_seconds")


class ChainForm(forms.ModelForm):  # type: ignore[type-arg]
    """For rows that may hold for a bakery, a machine or the whole chain."""

    is_for_chain = False

    def clean(self) -> Any:
        found = super().clean()
        if found and not found.get("bakery") and not found.get("equipment") and not self.is_for_chain:
            places = " or a machine" if "equipment" in self.fields else ""
            raise ValidationError(
                f"Choose a bakery{places}. What holds for the whole chain is set by an administrator."
            )
        return found


class ChainAdmin(OwnBakeriesAdmin):
    """Rows of the whole chain are an administrator's."""

    form = ChainForm

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        form.is_for_chain = request.user.is_superuser
        return form


@admin.register(AlertRule)
class AlertRuleAdmin(ChainAdmin):
    list_display = ("alert_type", "metric", "place", "enabled", "severity", "on_delay_seconds")
    list_filter = ("alert_type", ("bakery", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("bakery", "equipment")
    readonly_fields = ("stands_on", "dry_run")
    fieldsets = [
        (None, {"fields": WHERE}),
        ("An empty field is inherited", {"fields": VALUES}),
        ("How it comes about", {"fields": ("stands_on", "dry_run")}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AlertRule]:
        rows: QuerySet[AlertRule] = super(OwnBakeriesAdmin, self).get_queryset(request)
        if request.user.is_superuser:
            return rows
        own = bakeries_for(request.user)
        return rows.filter(Q(bakery__in=own) | Q(equipment__bakery__in=own))

    @admin.display(description="For")
    def place(self, obj: AlertRule) -> str:
        return str(obj.equipment or obj.bakery or "All bakeries")

    @admin.display(description="Inherited from")
    def stands_on(self, obj: AlertRule) -> str:
        if not obj.pk:
            return "Save the rule first; then this shows what it inherits."
        rows = [[one.label, *one.texts, one.winner] for one in explain(obj)]
        return render_table(["Value", *PLACES, "Holds"], rows)

    @admin.display(description="Dry run")
    def dry_run(self, obj: AlertRule) -> str:
        if not obj.pk or obj.alert_type not in CONDITIONS:
            return "Save the rule first. Only rules about readings can be tried on the past."
        links = [(reverse("admin:alerts_alertrule_dry_run", args=[obj.pk]), days) for days in DRY_RUN_DAYS]
        (week, seven), (month, thirty) = links
        link = '<a class="text-primary-600 underline" href="{}?days={}">Last {} days</a>'
        return format_html(f"{link} · {link}", week, seven, seven, month, thirty, thirty)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.dry_run_view)
        return [path("<int:object_id>/dry-run/", view, name="alerts_alertrule_dry_run"), *super().get_urls()]

    def dry_run_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        row = self.get_queryset(request).filter(pk=object_id).first()
        if row is None or row.alert_type not in CONDITIONS or not self.has_view_permission(request, row):
            raise Http404("There is no such rule about readings in your bakeries.")
        days = 30 if request.GET.get("days") == "30" else 7
        machines = machines_of(row, request)
        if wanted := request.GET.get("machine"):
            watched = compile_machines(machines.filter(pk=int(wanted))) if wanted.isdecimal() else []
            if not watched:
                raise Http404("There is no such machine in your bakeries.")
            return render(request, "alerts/admin/dry_run_machine.html", describe_run(watched[0], row, days))
        context = {**self.admin_site.each_context(request), "title": f"Dry run: {row}", "row": row, "days": days}
        return render(request, "alerts/admin/dry_run.html", {**context, "machines": machines, "choices": DRY_RUN_DAYS})


def machines_of(row: AlertRule, request: HttpRequest) -> QuerySet[Equipment]:
    """Those that the rule is for, and the user may see."""
    machines = Equipment.objects.filter(iot_enabled=True)
    if not request.user.is_superuser:
        machines = machines.filter(bakery__in=bakeries_for(request.user))
    if row.equipment_id:
        machines = machines.filter(pk=row.equipment_id)
    elif row.bakery_id:
        machines = machines.filter(bakery=row.bakery_id)
    found: QuerySet[Equipment] = with_plans(machines)
    return found


@admin.register(FaultCode)
class FaultCodeAdmin(ChainAdmin):
    list_display = ("code", "manufacturer", "bakery", "meaning", "what_to_do")
    list_filter = ("manufacturer", ("bakery", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("bakery",)
    search_fields = ("code", "meaning")


@admin.register(OpeningHours)
class OpeningHoursAdmin(OwnBakeriesAdmin):
    list_display = ("bakery", "equipment", "weekday", "starts", "ends")
    list_filter = (("bakery", admin.RelatedOnlyFieldListFilter), "weekday")
    list_select_related = ("bakery", "equipment")


@admin.register(MaintenanceWindow)
class MaintenanceWindowAdmin(OwnBakeriesAdmin):
    list_display = ("reason", "bakery", "equipment", "starts_at", "ends_at", "weekday", "starts", "ends")
    list_select_related = ("bakery", "equipment")


@admin.register(Snooze)
class SnoozeAdmin(OwnBakeriesAdmin):
    """Made on an alert's page; here one can be ended before its time."""

    list_display = ("bakery", "equipment", "alert_type", "until", "reason", "created_by")
    list_select_related = ("bakery", "equipment", "created_by")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin, OwnBakeriesAdmin):
    list_display = ("opened_at", "bakery", "equipment", "alert_type", "severity", "status", "message")
    list_filter = ("status", "severity", "alert_type", ("bakery", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("bakery", "equipment")
    date_hierarchy = "opened_at"

    def view_on_site(self, obj: Alert) -> str:
        return obj.get_absolute_url()


for model, page in MESSAGE_PAGES.items():
    admin.site.register(model, page)
