"""The server of one process: loads the artifact, opens the port, answers until it is told to end."""

import os
import socket
from typing import Any

import uvicorn

from reviewtune.errors import UsageError, one_line
from reviewtune.predict import Classifier, load
from reviewtune.serving.app import Limits, make_app
from reviewtune.serving.guards import TOKEN_VARIABLE, digest_of
from reviewtune.verb_config import ServeConfig

GRACE_SECONDS = 25
"""For what is being answered when the server is told to end; Kubernetes waits 30."""
MOST_CONNECTIONS = 2_000
SHORTEST_TOKEN = 16
LOOPBACK = ("localhost", "::1", "127.")


def serve(config: ServeConfig) -> int:
    """Serve until SIGTERM or Ctrl-C; its exit status, 0, since that is how it ends.

    Raises:
        ArtifactError, DataError, EncoderError: As `predict.load`.
        UsageError: The port is taken, or other machines could ask without a token.
    """
    limits = limits_of(config)
    # Read when torch is loaded. Threads that wait for each other in a loop take the cores from whatever else runs: on a
    # busy machine a review of MiniLM's then takes nine times the CPU time.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    if config.replicas > 1:
        from reviewtune.serving.replicas import serve_replicas

        return serve_replicas(config, limits)
    if config.address is not None or config.gpus_per_replica:
        flag = "--address" if config.address is not None else "--gpus-per-replica"
        raise UsageError(f"{flag} goes with --replicas 2 or more: a single one is this process, without Ray")
    with bound(config.host, config.port) as listener:
        classifier = load_as_told(config)
        name = config.artifact.resolve().name
        where = address(config.host, listener.getsockname()[1])
        server = _Server(
            uvicorn.Config(
                make_app(classifier, name, limits),
                # Its limit of the headers' size is known, and what it takes more is nothing beside a model.
                http="h11",
                ws="none",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                limit_concurrency=MOST_CONNECTIONS,
                timeout_graceful_shutdown=GRACE_SECONDS,
            ),
            ready=f"{where} serves {name}; Ctrl-C ends it",
        )
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:  # raised again by uvicorn once all is answered
            return 0
    return 0


def load_as_told(config: ServeConfig) -> Classifier:
    """The artifact, at the operating point that is asked for. Raises as `predict.load`."""
    return load(config.artifact, config.base_model, max_fpr=config.max_fpr, prevalence=config.prevalence)


def limits_of(config: ServeConfig) -> Limits:
    """What is taken, and from whom.

    Raises:
        UsageError: Other machines could ask without a token, or the token can be guessed.
    """
    token = os.environ.get(TOKEN_VARIABLE, "")
    if token and len(token) < SHORTEST_TOKEN:
        raise UsageError(
            f"${TOKEN_VARIABLE} has {len(token)} characters: give it {SHORTEST_TOKEN} or more, as "
            "`openssl rand -hex 32` makes them"
        )
    if not token and not config.without_token and not config.host.startswith(LOOPBACK):
        raise UsageError(
            f"--host {config.host} lets other machines ask: set {TOKEN_VARIABLE} to a token that they must bring, or "
            "give --without-token"
        )
    return Limits(config.max_batch, config.max_body, digest_of(token) if token else None)


class _Server(uvicorn.Server):
    """Says where it is once it listens."""

    def __init__(self, config: uvicorn.Config, *, ready: str) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets=sockets)
        if self.started:
            print(one_line(self._ready), flush=True)


def bound(host: str, port: int) -> socket.socket:
    """A socket that has the address and does not listen yet: nobody is let in before the artifact is loaded.

    Raises:
        UsageError: The address cannot be had.
    """
    listener: socket.socket | None = None
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
    except (OSError, UnicodeError) as error:
        if listener is not None:
            listener.close()
        reason: Any = getattr(error, "strerror", None) or error
        raise UsageError(
            f"--host {host} --port {port} cannot be had ({reason}): give others; port 0 takes a free one"
        ) from None
    return listener


def address(host: str, port: int) -> str:
    """What a client asks."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
