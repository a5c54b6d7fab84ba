"""Who this installation is to push services (VAPID): a key pair, made when it is first needed, and kept.

Browsers subscribe to the public key: with another pair, every device would have to be set up anew.
"""

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02
from py_vapid.utils import b64urlencode

from alerts.models import PushIdentity

_ONLY = 1


def get_push_identity() -> PushIdentity:
    return PushIdentity.objects.filter(pk=_ONLY).first() or _make()


def _make() -> PushIdentity:
    pair = Vapid02()
    pair.generate_keys()
    point = pair.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    row = PushIdentity(pk=_ONLY, private_key=pair.private_pem().decode(), public_key=b64urlencode(point))
    # Two processes may start at once: whoever comes second takes what the first one wrote.
    PushIdentity.objects.bulk_create([row], ignore_conflicts=True)
    return PushIdentity.objects.get(pk=_ONLY)
