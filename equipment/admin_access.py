"""Who belongs to a bakery and until when, and the programs that have an API token."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db.models import ForeignKey, ManyToManyField, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from equipment.admin_own import OwnBakeriesAdmin
from equipment.api_clients import LONGEST_LIFE, create_api_client, replace_token, revoke_api_client
from equipment.models import ApiClient, BakeryMembership
from equipment.roles import INTEGRATOR
from equipment.selectors import bakeries_for, colleagues_of, members_of

USUAL_LIFE = timedelta(days=90)


class MembershipInline(TabularInline):  # type: ignore[misc]
    model = BakeryMembership
    extra = 0
    verbose_name_plural = "members"

    def formfield_for_foreignkey(self, db_field: "ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "user" and not request.user.is_superuser:
            # Colleagues only, and those whose time was over: other people's names are none of a manager's business.
            own = Q(bakery_memberships__bakery__in=bakeries_for(request.user))
            kwargs["queryset"] = get_user_model().objects.filter(own).distinct().order_by("username")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class ApiClientForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean_expires_at(self) -> Any:
        until, now = self.cleaned_data["expires_at"], timezone.now()
        if until <= now:
            raise forms.ValidationError("This moment is over. Choose one to come.")
        if until > now + LONGEST_LIFE:
            raise forms.ValidationError("A token lives for a year at most. Make a new one then.")
        return until

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        user: Any = found.get("user") or getattr(self.instance, "user", None)
        for bakery in found.get("bakeries") or () if user else ():
            if not members_of(bakery).filter(pk=user.pk).exists():
                self.add_error(
                    "bakeries", f"{user} does not belong to {bakery}, so the client would see nothing of it."
                )
        return found


class ApiClientAdmin(OwnBakeriesAdmin):
    """A manager's own bakeries' clients. Their tokens' texts are shown once, on the answer to making them."""

    bakery_path = "bakeries"
    form = ApiClientForm
    fields = ("name", "user", "bakeries", "may_write", "expires_at")
    list_display = ("name", "user", "where", "access", "state", "last_used_at", "expires_at")
    list_select_related = ("user",)
    search_fields = ("name", "user__username")
    actions = ("revoke", "renew")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        if request.user.is_superuser:
            return rows.prefetch_related(Prefetch("bakeries", to_attr="shown_bakeries"))
        return rows.prefetch_related(Prefetch("bakeries", bakeries_for(request.user), to_attr="shown_bakeries"))

    def get_readonly_fields(self, request: HttpRequest, obj: ApiClient | None = None) -> tuple[str, ...]:
        return ("user", "expires_at", "state", "last_used_at", "created_by", "created_at") if obj else ()

    def get_fields(self, request: HttpRequest, obj: ApiClient | None = None) -> tuple[str, ...]:
        return (*self.fields, "state", "last_used_at", "created_by", "created_at") if obj else self.fields

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"user": request.user.pk, "expires_at": timezone.now() + USUAL_LIFE}

    def formfield_for_foreignkey(self, db_field: "ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "user":
            kwargs["queryset"] = list_possible_users(request.user)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(
        self, db_field: "ManyToManyField[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == "bakeries":
            kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget
            if not request.user.is_superuser:
                kwargs["queryset"] = bakeries_for(request.user)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: ApiClient, form: Any, change: bool) -> None:
        if change:
            obj.save(update_fields=[name for name in form.changed_data if name != "bakeries"])
        else:
            obj.created_by = request.user  # type: ignore[assignment]
            request.new_token = create_api_client(obj)  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: ApiClient, post_url_continue: str | None = None) -> HttpResponse:
        return self.show_tokens(request, [(obj, request.new_token)])  # type: ignore[attr-defined]

    def show_tokens(self, request: HttpRequest, tokens: list[tuple[ApiClient, str]]) -> HttpResponse:
        """Not as a message after a redirect: messages lie in a cookie on the way."""
        context = {**self.admin_site.each_context(request), "title": "API token", "tokens": tokens, "opts": self.opts}
        return TemplateResponse(request, "equipment/admin/api_tokens.html", context)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A client that is for others' bakeries too may be looked at and revoked: saving would lose theirs."""
        allowed: bool = super().has_change_permission(request, obj)
        if not allowed or obj is None or request.user.is_superuser:
            return allowed
        return not obj.bakeries.exclude(pk__in=bakeries_for(request.user)).exists()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # revoked instead: who had access when is a record

    @admin.action(description="Revoke: the tokens are refused from now on", permissions=["change"])
    def revoke(self, request: HttpRequest, rows: QuerySet[ApiClient]) -> None:
        for client in rows:
            revoke_api_client(client)
        self.message_user(request, f"{len(rows)} revoked. Open sockets of theirs close within half a minute.")

    @admin.action(description="New token in place of the old one", permissions=["change"])
    def renew(self, request: HttpRequest, rows: QuerySet[ApiClient]) -> HttpResponse | None:
        able = [row for row in rows if self.has_change_permission(request, row) and row.expires_at > timezone.now()]
        if not able:
            self.message_user(request, "These have expired, or are for others' bakeries too. Make a new client.")
            return None
        return self.show_tokens(request, [(client, replace_token(client)) for client in able])

    @admin.display(description="Bakeries")
    def where(self, obj: ApiClient) -> str:
        return ", ".join(str(bakery) for bakery in getattr(obj, "shown_bakeries", ()))

    @admin.display(description="May", ordering="may_write")
    def access(self, obj: ApiClient) -> str:
        return "Read and write" if obj.may_write else "Read"

    def state(self, obj: ApiClient) -> str:
        return obj.state


def list_possible_users(user: Any) -> QuerySet[User]:
    """Whom a client of this user's making may act as: the user, or an integrator among the colleagues."""
    if user.is_superuser:
        return get_user_model().objects.filter(is_active=True).order_by("username")
    integrators = colleagues_of(user).filter(groups__name=INTEGRATOR).values("pk")
    return get_user_model().objects.filter(Q(pk=user.pk) | Q(pk__in=integrators), is_active=True).order_by("username")
