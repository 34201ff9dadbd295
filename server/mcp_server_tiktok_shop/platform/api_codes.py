"""The platform's codes and HTTP statuses that decide what the server does.

What each means to a caller, and the class of its retries, stands in the catalog's `errors.json`.
"""

from __future__ import annotations

INVALID_CIPHER_CODE = 101000
AUTHORIZATION_WITHDRAWN_CODE = 105001
TOKEN_EXPIRED_CODE = 105002
AUTHORIZATION_INACTIVE_CODE = 105004
SCOPE_MISSING_CODE = 105005
THROTTLE_CODE = 36009002
INTERNAL_ERROR_CODE = 36009003
GENERIC_INVALID_CODE = 36009004  # covers a dozen faults; the words of the message say which
UPSTREAM_TIMEOUT_CODE = 36009007
UNKNOWN_PATH_CODE = 36009009
IP_NOT_ALLOWED_CODE = 36009033
SHOP_INACTIVE_CODE = 36009043
SELLER_INACTIVE_CODE = 36009044

HTTP_OK = 200
HTTP_REDIRECTION = 300  # and above
HTTP_CLIENT_ERROR = 400  # and above
HTTP_REQUEST_TIMEOUT = 408
HTTP_TOO_MANY_REQUESTS = 429
HTTP_SERVER_ERROR = 500  # and above

# Retry classes of the catalog's `errors.json`.
BACKOFF_CLASS = "backoff"  # one too many for now: surely not done
TRANSIENT_CLASS = "transient"
POLL_CLASS = "poll"
QUOTA_CLASS = "quota"  # used up for the hour or the day: waiting seconds does not help
RETRYABLE_CLASSES = (BACKOFF_CLASS, TRANSIENT_CLASS, POLL_CLASS)
