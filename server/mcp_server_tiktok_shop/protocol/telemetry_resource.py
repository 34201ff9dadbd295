"""Describes this server to OpenTelemetry; imported only where traces or metrics are sent."""

from __future__ import annotations

from opentelemetry.sdk.resources import SERVICE_NAME, Resource

from mcp_server_tiktok_shop import __version__

SERVICE = "mcp-server-tiktok-shop"  # where the environment gives no name
END_TIMEOUT_S = 10.0  # for what is sent last, where whoever takes it does not answer
UNKNOWN_SERVICE = "unknown_service"  # how the library calls one that the environment gives no name


def describe_service() -> Resource:
    """This server, by the name and attributes that the environment gives it."""
    resource = Resource.create({"service.version": __version__})
    if str(resource.attributes[SERVICE_NAME]).startswith(UNKNOWN_SERVICE):
        resource = resource.merge(Resource({SERVICE_NAME: SERVICE}))
    return resource
