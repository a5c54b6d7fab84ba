"""Who we are to an OPC UA server, who it is to us, and what may travel between the two."""

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from asyncua import ua
from asyncua.crypto import security_policies, uacrypto
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from .errors import AuthenticationError, ConfigurationError, ResponseError
from .identity import Identity
from .opc_ua_settings import OpcUaConfig, OpcUaOptions

_MODES = {
    "none": ua.MessageSecurityMode.None_,
    "Sign": ua.MessageSecurityMode.Sign,
    "SignAndEncrypt": ua.MessageSecurityMode.SignAndEncrypt,
}
_POLICIES: dict[str, Any] = {
    "Basic256Sha256": security_policies.SecurityPolicyBasic256Sha256,
    "Aes128_Sha256_RsaOaep": security_policies.SecurityPolicyAes128Sha256RsaOaep,
    "Aes256_Sha256_RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
}
_NO_POLICY = security_policies.SecurityPolicyNone.URI
_TOKENS = {
    "anonymous": ua.UserTokenType.Anonymous,
    "username": ua.UserTokenType.UserName,
    "certificate": ua.UserTokenType.Certificate,
}


@lru_cache(maxsize=32)
def load_key(pem: str) -> RSAPrivateKey:
    """Kept, as checking a key takes longer than a whole reading."""
    key = load_pem_private_key(pem.encode(), None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("OPC UA takes RSA keys only")
    return key


def first_certificate(der: bytes | None, place: str) -> x509.Certificate:
    """The server's own, where a chain came. ResponseError if it is none."""
    found: x509.Certificate | None = None
    with suppress(ValueError, IndexError):
        found = uacrypto.x509_from_der(der or b"")
    if found is None or not isinstance(found.public_key(), RSAPublicKey):
        raise ResponseError(
            f"{place} shows no certificate we can read. Make a new one at the server, with an RSA key.", code="tls"
        )
    return found


def is_secure(options: OpcUaOptions) -> bool:
    return options.security_mode != "none"


def make_policy(options: OpcUaOptions, server: x509.Certificate | None, identity: Identity) -> Any:
    """The security of one channel, as asyncua takes it."""
    if server is None:
        return security_policies.SecurityPolicyNone()
    own = x509.load_pem_x509_certificate(identity.certificate_pem.encode())
    key = load_key(identity.private_key_pem)
    return _POLICIES[options.security_policy](server, own, key, _MODES[options.security_mode])


def find_endpoint(endpoints: Iterable[ua.EndpointDescription], config: OpcUaConfig) -> ua.EndpointDescription:
    """The one with our security. Where it says it lives is ignored: we have dialled the address that was allowed.

    ResponseError names what there is instead; a server that is just starting may offer more in a moment.
    """
    options = config.additional_config
    wanted = _POLICIES[options.security_policy].URI if is_secure(options) else _NO_POLICY
    offered: dict[str, None] = {}
    for found in endpoints:
        if not str(found.EndpointUrl or "").startswith("opc.tcp"):
            continue
        if found.SecurityMode == _MODES[options.security_mode] and found.SecurityPolicyUri == wanted:
            return found
        mode = {kind: name for name, kind in _MODES.items()}.get(found.SecurityMode, "another mode")
        policy = str(found.SecurityPolicyUri or "").rpartition("#")[2][:40]
        offered[mode if mode == "none" else f"{mode} with {policy}"] = None
    ours = f"{options.security_mode} with {options.security_policy}" if is_secure(options) else "none"
    raise ResponseError(
        f"{config.place} does not offer the security {ours}. It offers: {', '.join(offered) or 'nothing'}. "
        "Correct additional_config.security_mode and security_policy, or allow ours at the server.",
        code="tls",
    )


def check_server_certificate(found: x509.Certificate, options: OpcUaOptions, place: str) -> None:
    """ResponseError, code tls, unless it is valid today and the one that was pinned."""
    if not options.verify_server_certificate:
        return
    now = datetime.now(UTC)
    problem = ""
    if found.not_valid_after_utc < now:
        problem = "has expired. Renew it at the server, and check the server's clock and ours."
    elif found.not_valid_before_utc > now:
        problem = "is not valid yet. Check the server's clock and ours."
    elif options.server_certificate and not _is_pinned(found, options.server_certificate):
        problem = (
            "is not the one under additional_config.server_certificate. If the server has got a new one, paste that; "
            "if not, somebody else may be answering in its place."
        )
    if problem:
        raise ResponseError(f"The certificate of {place} {problem}", code="tls")


def _is_pinned(found: x509.Certificate, pem: str) -> bool:
    return any(found == pin or _issued(found, pin) for pin in x509.load_pem_x509_certificates(pem.encode()))


def _issued(found: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        found.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a server has said before we sign in."""

    policy: Any  # of the channel
    tokens: Sequence[ua.UserTokenPolicy]
    certificate: x509.Certificate | None
    nonce: bytes

    @property
    def challenge(self) -> bytes:
        """What is signed to prove that a key is ours: OPC 10000-4, 5.6.3.2."""
        return (self.certificate.public_bytes(Encoding.DER) if self.certificate else b"") + self.nonce


def make_activation(config: OpcUaConfig, handshake: Handshake) -> ua.ActivateSessionParameters:
    """Our sign-in. AuthenticationError if the server takes no such one, ConfigurationError if all could read it."""
    request = ua.ActivateSessionParameters()
    request.LocaleIds = ["en"]
    policy = handshake.policy
    if policy.AsymmetricSignatureURI:
        request.ClientSignature.Algorithm = policy.AsymmetricSignatureURI
        request.ClientSignature.Signature = policy.asymmetric_cryptography.signature(handshake.challenge)
    token = _find_token(config, handshake)
    algorithms = token.SecurityPolicyUri or policy.URI
    if config.auth == "username":
        request.UserIdentityToken = _make_password_token(config, handshake, algorithms)
    elif config.auth == "certificate":
        request.UserIdentityToken, request.UserTokenSignature = _make_certificate_token(config, handshake, algorithms)
    else:
        request.UserIdentityToken = ua.AnonymousIdentityToken()
    request.UserIdentityToken.PolicyId = token.PolicyId
    return request


def _find_token(config: OpcUaConfig, handshake: Handshake) -> ua.UserTokenPolicy:
    """Of several, one that encrypts or signs by itself."""
    fitting = [found for found in handshake.tokens if found.TokenType == _TOKENS[config.auth]]
    known = {policy.URI for policy in _POLICIES.values()}
    fitting.sort(key=lambda found: found.SecurityPolicyUri not in known)
    if fitting:
        return fitting[0]
    names = {kind: name for name, kind in _TOKENS.items()}
    taken = ", ".join(sorted({names.get(found.TokenType, "another way") for found in handshake.tokens}))
    sentence = f"The server at {config.place} does not take the sign-in {config.auth}; it takes: {taken or 'none'}."
    if config.auth == "anonymous":
        raise AuthenticationError(f"{sentence} Enter user name and password, or a user certificate.")
    raise AuthenticationError(f"{sentence} Correct additional_config.auth and the credentials.")


def _make_password_token(config: OpcUaConfig, handshake: Handshake, algorithms: str) -> ua.UserNameIdentityToken:
    token = ua.UserNameIdentityToken()
    token.UserName = config.credentials.username
    secret = config.credentials.password.get_secret_value() if config.credentials.password else ""
    if algorithms != _NO_POLICY and handshake.certificate:
        plain = secret.encode() + handshake.nonce
        lengthened = len(plain).to_bytes(4, "little") + plain
        try:
            token.Password, token.EncryptionAlgorithm = security_policies.encrypt_asymmetric(
                handshake.certificate.public_key(), lengthened, algorithms
            )
        except (ValueError, ua.UaError):
            raise ConfigurationError(
                f"The password is too long for the key of {config.place}, or the server asks for an encryption we do "
                "not know. Choose a shorter one, or another additional_config.security_policy."
            ) from None
        return token
    encrypted = handshake.policy.Mode == ua.MessageSecurityMode.SignAndEncrypt
    if not encrypted and not config.additional_config.allow_plain_password:
        raise ConfigurationError(
            f"The password was not sent: on the way to {config.place} everybody could read it. Set "
            "additional_config.security_mode to SignAndEncrypt. If the server cannot do that and the network is yours "
            "alone, set additional_config.allow_plain_password.",
            fields={"additional_config.security_mode": "The password would travel unencrypted; use SignAndEncrypt."},
        )
    token.Password = secret.encode()
    token.EncryptionAlgorithm = None
    return token


def _make_certificate_token(
    config: OpcUaConfig, handshake: Handshake, algorithms: str
) -> tuple[ua.X509IdentityToken, ua.SignatureData]:
    given = config.credentials
    user = x509.load_pem_x509_certificate((given.certificate or "").encode())
    key = load_key(given.private_key.get_secret_value() if given.private_key else "")
    token, proof = ua.X509IdentityToken(), ua.SignatureData()
    token.CertificateData = user.public_bytes(Encoding.DER)
    if algorithms == _NO_POLICY:
        algorithms = _POLICIES[config.additional_config.security_policy].URI
    proof.Signature, proof.Algorithm = security_policies.sign_asymmetric(key, handshake.challenge, algorithms)
    return token, proof


def list_remarks(config: OpcUaConfig) -> tuple[str, ...]:
    """Sentences on what is not safe in these settings."""
    options = config.additional_config
    remarks = []
    if not is_secure(options):
        remarks.append("The connection is neither encrypted nor signed: others in the network can read and change it.")
        if config.auth == "username" and options.allow_plain_password:
            remarks.append("The password may travel unencrypted, as additional_config.allow_plain_password says.")
    elif not options.verify_server_certificate:
        remarks.append("The server's certificate is not checked; paste it under additional_config.server_certificate.")
    elif not options.server_certificate:
        remarks.append(
            "Any valid certificate of the server is accepted; paste the right one under "
            "additional_config.server_certificate."
        )
    if options.security_mode == "Sign":
        remarks.append("The connection is signed but not encrypted: others in the network can read the values.")
    return tuple(remarks)


def describe_certificate(found: x509.Certificate) -> dict[str, str]:
    """A row for the person who compares it with what the server's own screen shows."""
    der = found.public_bytes(Encoding.DER)
    return {
        "subject": found.subject.rfc4514_string()[:200],
        "valid_until": found.not_valid_after_utc.isoformat(),
        "sha1": hashlib.sha1(der, usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(der).hexdigest(),
        "pem": found.public_bytes(Encoding.PEM).decode(),
    }


def own_thumbprint(identity: Identity) -> str:
    """SHA-1, as the lists of trusted clients on servers show it."""
    own = x509.load_pem_x509_certificate(identity.certificate_pem.encode())
    return hashlib.sha1(own.public_bytes(Encoding.DER), usedforsecurity=False).hexdigest()
