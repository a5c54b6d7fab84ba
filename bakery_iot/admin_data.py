"""Exporting and deleting a bakery in the admin: both are asked for here, done by a worker, and watched here."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.text import slugify
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextInputWidget

from bakery_iot.data_rights.jobs import read_export, request_job
from bakery_iot.tasks import run_data_jobs
from equipment.admin import BakeryAdmin
from equipment.admin_records import ReadOnlyAdmin
from equipment.models import Bakery, DataJob, DataJobKind
from equipment.selectors import bakeries_for
from equipment.streaming import in_parts

LOOK_AGAIN_SECONDS = "3"
JOBS = "admin:equipment_datajob_changelist"


class BakeryDataAdmin(BakeryAdmin):
    actions = ("export", "erase")

    def has_export_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("equipment.export_bakery")

    def has_erase_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("equipment.erase_bakery")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.erase_view)
        return [path("<int:object_id>/erase/", view, name="equipment_bakery_erase"), *super().get_urls()]

    @admin.action(
        description="Export everything: readings, machines, batches, alerts, settings", permissions=["export"]
    )
    def export(self, request: HttpRequest, rows: QuerySet[Bakery]) -> HttpResponse:
        for bakery in rows:
            request_job(DataJobKind.EXPORT, bakery, request.user, run_data_jobs)
        return redirect(JOBS)

    @admin.action(description="Delete with everything it has recorded…", permissions=["erase"])
    def erase(self, request: HttpRequest, rows: QuerySet[Bakery]) -> HttpResponse | None:
        if len(rows) != 1:
            self.message_user(request, "Choose one bakery: each is deleted by itself.", messages.WARNING)
            return None
        return redirect("admin:equipment_bakery_erase", rows[0].pk)

    def erase_view(self, request: HttpRequest, object_id: int) -> HttpResponseBase:
        """Asks for the bakery's short name, typed, before anything is deleted."""
        bakery = self.get_object(request, str(object_id))
        if bakery is None:
            raise Http404
        if not self.has_erase_permission(request):
            raise PermissionDenied
        form = EraseForm(bakery, request.POST or None)
        if request.method == "POST" and form.is_valid():
            request_job(DataJobKind.ERASE, bakery, request.user, run_data_jobs)
            return redirect(JOBS)
        title = f"Delete {bakery.name} with everything it has recorded?"
        context = {**self.admin_site.each_context(request), "title": title, "bakery": bakery, "form": form}
        context["machines"] = bakery.equipment.count()
        return TemplateResponse(request, "bakery_iot/admin/erase_bakery.html", {**context, "opts": self.opts})


class EraseForm(forms.Form):
    slug = forms.CharField(widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}))

    def __init__(self, bakery: Bakery, *args: Any) -> None:
        super().__init__(*args)
        self.bakery = bakery

    def clean_slug(self) -> str:
        if self.cleaned_data["slug"] != self.bakery.slug:
            raise forms.ValidationError(f"To delete it, type its short name: {self.bakery.slug}")
        return self.bakery.slug


class DataJobAdmin(ReadOnlyAdmin, ModelAdmin):  # type: ignore[misc]
    """The exports and deletions of one's own bakeries, and those that one has asked for."""

    list_display = ("bakery_name", "kind", "requested_by", "requested_at", "progress", "doing", "file")
    list_display_links = None
    list_select_related = ("requested_by", "bakery")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DataJob]:
        rows: QuerySet[DataJob] = super().get_queryset(request)
        if request.user.is_superuser:
            return rows
        return rows.filter(Q(bakery__in=bakeries_for(request.user)) | Q(bakery=None, requested_by=request.user))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("equipment.export_bakery")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.download_view)
        return [path("<uuid:job_id>/download/", view, name="equipment_datajob_download"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response: HttpResponse = super().changelist_view(request, extra_context)
        if self.get_queryset(request).filter(finished_at=None).exists():
            response["Refresh"] = LOOK_AGAIN_SECONDS
        return response

    def download_view(self, request: HttpRequest, job_id: Any) -> StreamingHttpResponse:
        job = self.get_queryset(request).filter(uuid=job_id, kind=DataJobKind.EXPORT).exclude(finished_at=None).first()
        if job is None or job.error_message or not job.parts.exists():
            raise Http404("There is no such export (any more). Ask for a new one.")
        if not self.has_view_permission(request):
            raise PermissionDenied
        name = f"{slugify(job.bakery_name) or 'bakery'}.zip"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return StreamingHttpResponse(in_parts(read_export(job)), content_type="application/zip", headers=headers)

    def progress(self, obj: DataJob) -> str:
        return obj.error_message or ("Done" if obj.finished_at else f"{obj.percent} %")

    def file(self, obj: DataJob) -> str:
        if obj.kind != DataJobKind.EXPORT or not obj.finished_at or obj.error_message or not obj.parts.exists():
            return "–"
        where = reverse("admin:equipment_datajob_download", args=[obj.uuid])
        return format_html('<a class="text-primary-600 underline" href="{}">Download</a>', where)
