"""Keeps LocalStack's gateway on the loopback interface when that is what `GATEWAY_LISTEN` says.

LocalStack 4.14 drops the host of an IPv4 address and listens on all interfaces. A gateway that runs code for whoever
asks must not be open to the network.
"""

from functools import partial
from types import SimpleNamespace

from localstack import config
from localstack.runtime import hooks

LOOPBACK = "127.0.0.1"


@hooks.on_runtime_create(should_load=all(listen.host == LOOPBACK for listen in config.GATEWAY_LISTEN))
def listen_on_loopback_only() -> None:
    """Gives the gateway's server endpoints that carry the interface."""
    from localstack.runtime.server import twisted as server
    from twisted.internet import endpoints

    server.endpoints = SimpleNamespace(
        TCP4ServerEndpoint=partial(endpoints.TCP4ServerEndpoint, interface=LOOPBACK),
        TCP6ServerEndpoint=endpoints.TCP6ServerEndpoint,
    )
