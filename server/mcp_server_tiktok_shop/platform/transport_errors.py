"""Transport errors: explains what went wrong on the way to a host."""

from __future__ import annotations

import socket
import ssl

from mcp_server_tiktok_shop.platform.network_environment import describe_trusted_certificates

MESSAGE_BY_CAUSE: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLCertVerificationError, "its certificate is not trusted"),
    (ssl.SSLError, "the secure connection failed"),
    (socket.gaierror, "its name can't be resolved"),
    (ConnectionRefusedError, "the connection was refused"),
)
MESSAGE_BY_ERROR_NAME = {  # by name, so that the HTTP client is not loaded for it
    "ConnectTimeout": "no connection in time",
    "PoolTimeout": "no connection was free in time",
    "TimeoutException": "no answer in time",
    "TimeoutError": "no answer in time",
    "ConnectError": "no connection came about",
    "ProxyError": "the proxy does not let it through",
    "NetworkError": "the connection broke",
    "RemoteProtocolError": "the connection ended, or what came is not HTTP",
    "LocalProtocolError": "what should go out is not HTTP",
    "ProtocolError": "what came is not the protocol that was expected",
    "AssertionError": "what came is not the protocol that was expected",
    "DecodingError": "the answer can't be unpacked",
}


def describe_transport_error(error: BaseException) -> str:
    """What a fault on the way means, in plain words, without any address; causes deep inside it count first."""
    cause: BaseException | None = error
    while cause is not None:
        for error_type, message in MESSAGE_BY_CAUSE:
            if isinstance(cause, error_type):
                return message + (describe_trusted_certificates() if error_type is ssl.SSLCertVerificationError else "")
        cause = cause.__cause__ or cause.__context__
    error_names = [error_type.__name__ for error_type in type(error).__mro__]
    return next(
        (MESSAGE_BY_ERROR_NAME[error_name] for error_name in error_names if error_name in MESSAGE_BY_ERROR_NAME),
        "something on the way to it failed",
    )
