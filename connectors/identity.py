"""Who we are to machines and brokers: one name and one certificate per installation, the same after every start.

An OPC UA server trusts a certificate once somebody has said so, and an MQTT broker keeps messages for a client it
knows by name: both would be lost with an identity that changes.
"""

import datetime
import uuid
from dataclasses import dataclass, field, replace
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_VALID = datetime.timedelta(days=20 * 365)


@dataclass(frozen=True, slots=True)
class Identity:
    """`name` is unique in the world; the certificate holds `application_uri` (OPC 10000-6, 6.2.2)."""

    name: str
    certificate_pem: str
    private_key_pem: str = field(repr=False)
    gateway: str = ""

    @property
    def application_uri(self) -> str:
        return f"urn:bakery-iot:{self.name}"

    @property
    def client_id(self) -> str:
        """For brokers, which know one client by one name: each gateway has its own."""
        return f"bakery-iot-{self.name[:12]}" + (f"-{self.gateway}" if self.gateway else "")

    def at_gateway(self, slug: str) -> "Identity":
        return replace(self, gateway=slug)


def make_identity() -> Identity:
    """A new one, with an RSA key of 2048 bits: what every OPC UA security policy in use accepts."""
    name = uuid.uuid4().hex
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bakery_iot")])
    now = datetime.datetime.now(datetime.UTC)
    usages = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=True,  # it signs itself
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + _VALID)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(usages, critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.UniformResourceIdentifier(f"urn:bakery-iot:{name}"), x509.DNSName("bakery-iot")]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    key_bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Identity(name, certificate.public_bytes(serialization.Encoding.PEM).decode(), key_bytes.decode())


@cache
def passing_identity() -> Identity:
    """For this process only: tests, and whoever uses the connectors without a database."""
    return make_identity()
