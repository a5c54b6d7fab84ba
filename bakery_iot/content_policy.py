"""What pages may load and run: the content security policy, and what the admin's library needs beyond it."""

from csp.constants import NONCE, NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE

# Nothing of others, and no script that is not a file of ours or has this answer's nonce (`request.csp_nonce`).
DIRECTIVES = {
    "default-src": [SELF],
    "script-src": [SELF, NONCE],
    "img-src": [SELF, "data:"],
    "object-src": [NONE],
    "base-uri": [NONE],
    "form-action": [SELF],
    "frame-ancestors": [NONE],
}
# unfold's pages are written with Alpine, which turns attributes into functions, and colours them by inline styles.
LIBRARY_NEEDS = {"script-src": [UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]}
