"""The application certificate in the admin: whoever looks after an OPC UA server must tell it to trust ours.

The private key is not shown, not offered and not loaded here.
"""

from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin

from equipment.identity import get_identity
from equipment.models import InstallationIdentity
from equipment.permissions import CONFIGURE_IOT

SHOWN = ("application_uri", "thumbprint", "valid_until", "download", "text")
_TYPES = {"der": "application/pkix-cert", "pem": "application/x-pem-file"}


class InstallationIdentityAdmin(ModelAdmin):  # type: ignore[misc]
    fields = readonly_fields = SHOWN

    def get_queryset(self, request: HttpRequest) -> QuerySet[InstallationIdentity]:
        rows: QuerySet[InstallationIdentity] = super().get_queryset(request)
        return rows.defer("private_key")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.certificate_view)
        return [path("certificate.<str:form>", view, name="equipment_installationidentity_file"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There is one row, made at the latest now."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        get_identity()
        return redirect("admin:equipment_installationidentity_change", 1)

    def certificate_view(self, request: HttpRequest, form: str) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if form not in _TYPES:
            raise Http404
        get_identity()
        (row,) = self.get_queryset(request)
        data = row.certificate_pem.encode()
        if form == "der":
            data = _certificate(row).public_bytes(serialization.Encoding.DER)
        headers = {"Content-Disposition": f'attachment; filename="bakery_iot.{form}"'}
        return HttpResponse(data, content_type=_TYPES[form], headers=headers)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whoever sets up connections hands the certificate on; there is one for all bakeries, and it is public."""
        return request.user.has_perm(CONFIGURE_IOT)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False  # every server would have to be told again

    @admin.display(description="Application URI")
    def application_uri(self, row: InstallationIdentity) -> str:
        names = _certificate(row).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return ", ".join(names.get_values_for_type(x509.UniformResourceIdentifier))

    @admin.display(description="Thumbprint (SHA-1)")
    def thumbprint(self, row: InstallationIdentity) -> str:
        # OPC UA names certificates by their SHA-1, as a name and not as a protection (OPC 10000-6, 6.2.2).
        return _certificate(row).fingerprint(hashes.SHA1()).hex(" ").upper()

    def valid_until(self, row: InstallationIdentity) -> str:
        return f"{_certificate(row).not_valid_after_utc:%Y-%m-%d}"

    def download(self, row: InstallationIdentity) -> str:
        """Servers take one of the two forms; most take DER."""
        name = "admin:equipment_installationidentity_file"
        return format_html(
            '<a class="text-primary-600 underline" href="{}">bakery_iot.der</a> &nbsp; '
            '<a class="text-primary-600 underline" href="{}">bakery_iot.pem</a>',
            *(reverse(name, args=[form]) for form in _TYPES),
        )

    @admin.display(description="Certificate")
    def text(self, row: InstallationIdentity) -> str:
        return format_html('<pre style="overflow-x: auto">{}</pre>', row.certificate_pem)


def _certificate(row: InstallationIdentity) -> x509.Certificate:
    return x509.load_pem_x509_certificate(row.certificate_pem.encode())
