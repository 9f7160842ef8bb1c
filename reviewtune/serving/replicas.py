"""Several processes that hold the artifact, behind one address: Ray Serve runs them, here or over a cluster."""

import logging
import threading
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from rich.console import Console

from reviewtune.errors import StudyError, UsageError, one_line
from reviewtune.quiet import be_quiet
from reviewtune.serving.app import Limits
from reviewtune.serving.measures import BATCHES, SECONDS, UNFAMILIAR_REVIEWS, is_unfamiliar
from reviewtune.serving.messages import Judged
from reviewtune.serving.server import GRACE_SECONDS, address, bound, limits_of, load_as_told
from reviewtune.tracebacks import reason_of
from reviewtune.tuning.session import ray_session
from reviewtune.verb_config import ServeConfig

if TYPE_CHECKING:
    from fastapi import FastAPI

NAME = "reviewtune"
"""Of the application and its deployment, as Ray Serve shows them."""
MOST_QUEUED = 1_000
"""Requests that wait in front of all replicas."""


def serve_replicas(config: ServeConfig, limits: Limits) -> int:
    """Serve by Ray Serve until SIGTERM or Ctrl-C; its exit status, 0, since that is how it ends.

    Raises:
        StudyError: Ray cannot be started or joined, or the replicas do not come up.
        UsageError: The port is taken, or Ray Serve is not installed.
    """
    # Refused here if it is taken, and chosen if any will do: Ray Serve's proxies are processes of their own.
    with bound(config.host, config.port) as listener:
        port = listener.getsockname()[1]
    be_quiet()
    _check_ray_serve(config)
    with ray_session(config.address, Console(stderr=True)):
        from ray import serve

        try:
            options: dict[str, Any] = {"host": config.host, "port": port}
            serve.start(http_options=options, logging_config={"log_level": "ERROR", "enable_access_log": False})
            # By now it has set what it logs here itself.
            logging.getLogger("ray.serve").setLevel(logging.ERROR)
            try:
                serve.run(_application(config, limits), name=NAME, route_prefix="/")
            except (RuntimeError, ValueError) as error:
                raise StudyError(
                    f"the replicas of {config.artifact} do not come up ({reason_of(error)}): try it with --replicas 1"
                ) from error
            name = f"{config.artifact.resolve().name} by {config.replicas} replicas"
            print(one_line(f"{address(config.host, port)} serves {name}; Ctrl-C ends it"), flush=True)
            threading.Event().wait()
        except KeyboardInterrupt:
            return 0
        finally:
            serve.shutdown()
    return 0


def _check_ray_serve(config: ServeConfig) -> None:
    try:
        import_module("ray.serve")
    except ImportError as error:
        raise UsageError(
            f"--replicas {config.replicas}: {error.name or 'Ray Serve'} is not installed: run "
            "`pip install 'reviewtune[serve]'`"
        ) from None


def application(config: ServeConfig) -> Any:
    """The application of a Serve config file, `import_path: reviewtune.serving.replicas:application`.

    Args:
        config: Its `args`: the flags of `reviewtune serve`, of which `host` and `port` stand in `http_options` there.
            The artifact must lie at the same path on every node.
    """
    return _application(config, limits_of(config))


def _application(config: ServeConfig, limits: Limits) -> Any:
    from ray import serve

    # On nodes whose working directory is another.
    config = config.model_copy(update={"artifact": config.artifact.expanduser().resolve()})

    def built() -> "FastAPI":
        from reviewtune.serving.app import make_app

        be_quiet()
        return make_app(load_as_told(config), config.artifact.name, limits, RayMeasures())

    deployment = serve.deployment(
        name=NAME,
        num_replicas=config.replicas,
        ray_actor_options={"num_cpus": 1, "num_gpus": config.gpus_per_replica},
        # As many as fill a batch while another one is scored.
        max_ongoing_requests=2 * config.max_batch,
        max_queued_requests=MOST_QUEUED,
        graceful_shutdown_timeout_s=GRACE_SECONDS,
    )
    return deployment(serve.ingress(built)()).bind()


class RayMeasures:
    """What a replica counts, told to Ray, which adds up those of all: its own metrics have them, after `ray_`."""

    def __init__(self) -> None:
        from ray.util.metrics import Counter, Histogram

        self._requests = Counter("reviewtune_requests", "Requests that were answered.", ("path", "status"))
        self._seconds = Histogram("reviewtune_request_seconds", "Until an answer.", list(SECONDS), ("path",))
        self._batch = Histogram("reviewtune_batch_texts", "Texts of a pass.", list(BATCHES))
        self._reviews = Counter("reviewtune_reviews", "Reviews that were judged.", ("label",))
        self._unfamiliar = Counter("reviewtune_unfamiliar_reviews", UNFAMILIAR_REVIEWS)

    def request(self, path: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self._requests.inc(tags={"path": path, "status": str(status)})
        self._seconds.observe(seconds, tags={"path": path})

    def batch(self, size: int) -> None:
        """Count a pass over so many texts."""
        self._batch.observe(size)

    def reviews(self, judged: Sequence[Judged]) -> None:
        """Count what was said of reviews."""
        for each in judged:
            self._reviews.inc(tags={"label": each.label or "none"})
            if is_unfamiliar(each):
                self._unfamiliar.inc()
