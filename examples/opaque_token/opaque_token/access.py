"""Who may ask the authorization server: the services, by a secret both derive from the key ring."""

import hashlib
import hmac
from base64 import b64encode

from services.keys import KeyRing

CLIENT_ID = "authbench-api"
_LABEL = b"opaque-token: client secret of the services"


def authorization(keys: KeyRing) -> str:
    """The Authorization header of HTTP Basic (RFC 6749, 2.3.1) that opens the server; RFC 7662, 2.1 asks for one."""
    secret = hmac.digest(keys.csrf_secret, _LABEL, hashlib.sha256).hex()
    return "Basic " + b64encode(f"{CLIENT_ID}:{secret}".encode()).decode()
