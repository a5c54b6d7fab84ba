"""What all tables of bakeries share in the admin: superusers see everything, the others their own bakeries' rows."""

from typing import Any

from django.db.models import ForeignKey, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from unfold.admin import ModelAdmin

from equipment.selectors import bakeries_for


class OwnBakeriesAdmin(ModelAdmin):  # type: ignore[misc]
    bakery_path = "bakery"  # from the row to its bakery

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        if request.user.is_superuser:
            return rows
        own = self.model._default_manager.filter(**{f"{self.bakery_path}__in": bakeries_for(request.user)})
        return rows.filter(pk__in=own.values("pk"))

    def formfield_for_foreignkey(self, db_field: "ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        related = self.admin_site._registry.get(db_field.related_model)
        if isinstance(related, OwnBakeriesAdmin):
            kwargs["queryset"] = related.get_queryset(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        raise Http404(f"There is no {opts.verbose_name} of this number in your bakeries.")
