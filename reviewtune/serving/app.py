"""The routes of the server, over a loaded artifact."""

import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal, NamedTuple

import numpy as np
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from reviewtune.data.shown import shown
from reviewtune.data.texts import prepare
from reviewtune.errors import one_line
from reviewtune.predict import Classifier
from reviewtune.serving.batcher import Batcher, BusyError
from reviewtune.serving.guards import Guards
from reviewtune.serving.measures import CONTENT_TYPE, Measured, Measures
from reviewtune.serving.messages import MOST_TEXTS, Answer, Asked, Judged, Refused

PREDICT, HEALTH, METRICS, OPENAPI = "/predict", "/health", "/metrics", "/openapi.json"
MOST_WAITING = 16 * MOST_TEXTS
"""Texts that wait for their pass before further ones are refused, for a while."""
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refused} for status in (400, 401, 408, 413, 422, 500, 503)
}


LABEL_OF: dict[str, Literal["genuine", "fake"]] = {"genuine": "genuine", "fake": "fake"}
"""By what an artifact calls a review; it calls one without a text nothing."""


class Limits(NamedTuple):
    """What a server takes.

    Attributes:
        max_batch: Texts of a pass.
        max_body: Bytes of a request.
        digest: Of the token that requests bring; None: they need none.
    """

    max_batch: int
    max_body: int
    digest: bytes | None


def make_app(classifier: Classifier, name: str, limits: Limits, measured: Measured | None = None) -> FastAPI:
    """The application that answers for an artifact.

    Args:
        classifier: The loaded artifact.
        name: What it is called in answers.
        limits: What is taken.
        measured: Who counts, elsewhere; None: `/metrics` tells.
    """
    measures: Measured = measured or Measures()
    batcher = Batcher(
        lambda texts: judge(classifier, texts),
        max_batch=limits.max_batch, most_waiting=MOST_WAITING, told=measures.batch,
    )  # fmt: skip

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        async with batcher:
            yield

    app = FastAPI(
        title="reviewtune", description=f"Fake probabilities of reviews, by {name}.", version=classifier.info.code,
        lifespan=running, docs_url=None, redoc_url=None, openapi_url=OPENAPI,
    )  # fmt: skip
    app.add_middleware(
        Guards,
        digest=limits.digest, max_body=limits.max_body, told=measures.request,
        paths=frozenset({PREDICT, HEALTH, METRICS, OPENAPI}),
    )  # fmt: skip
    _explain_refusals(app)
    # Checked before the route is reached; here it is told in the description.
    bearer = [Depends(HTTPBearer(auto_error=False))] if limits.digest else []

    @app.post(PREDICT, responses=REFUSALS, dependencies=bearer)
    async def predict(asked: Asked) -> Answer:
        """Say of each review how probably it is fake."""
        judged = await batcher.judged(asked.rows)
        measures.reviews(judged)
        return Answer(artifact=name, threshold=classifier.info.threshold, predictions=judged)

    @app.get(HEALTH)
    async def health() -> dict[str, str]:
        """Say that the server lives: the artifact is loaded before anything is answered."""
        return {"status": "ok"}

    if isinstance(measures, Measures):

        @app.get(METRICS, dependencies=bearer, response_class=Response)
        async def metrics() -> Response:
            """Tell the counts, in the text form of Prometheus."""
            return Response(measures.text(batcher.waiting), media_type=CONTENT_TYPE)

    return app


def judge(classifier: Classifier, texts: Sequence[str | None]) -> list[Judged]:
    """What an artifact says of each text."""
    prepared = prepare(list(texts))
    probability = classifier.fake_probability(prepared)
    rows = zip(probability, classifier.labels(probability), classifier.familiar(prepared), strict=True)
    return [
        Judged.model_construct(
            fake_probability=None if np.isnan(fake) else float(fake),
            label=LABEL_OF.get(str(label)),
            familiar=None if np.isnan(familiar) else float(familiar),
        )
        for fake, label, familiar in rows
    ]


def _explain_refusals(app: FastAPI) -> None:
    """Have every refusal say why in one line of JSON."""

    def answered(kind: type[Exception], status: int, line: Callable[[Any], str], **headers: str) -> None:
        async def answer(_: Request, error: Exception) -> JSONResponse:
            code, more = getattr(error, "status_code", status), getattr(error, "headers", None) or {}
            return JSONResponse({"error": one_line(line(error))}, code, {**headers, **more})

        app.add_exception_handler(kind, answer)

    answered(RequestValidationError, 422, _fault)
    answered(HTTPException, 400, _http_fault)
    answered(BusyError, 503, lambda error: f"{error}: ask again in a second", **{"Retry-After": "1"})
    answered(Exception, 500, _failure)


def _fault(error: RequestValidationError) -> str:
    """The first thing that is wrong with a request."""
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return f"the body is no JSON ({first['ctx']['error']} at character {first['loc'][-1]}): send an object"
    where = ".".join(str(part) for part in first["loc"][1:])
    message = first["msg"].removeprefix("Value error, ")
    if not where:
        is_object = isinstance(first.get("input"), dict)
        return message if is_object else "send a JSON object, with `Content-Type: application/json`"
    if first["type"] == "extra_forbidden":
        return f"there is no {shown(where)}: give text or texts"
    return f"{shown(where)}={shown(first.get('input'))}: {message[:1].lower()}{message[1:]}"


def _http_fault(error: HTTPException) -> str:
    known = {
        400: "the body cannot be read: send a JSON object in UTF-8",
        404: f"there is nothing of that name: POST {PREDICT}, or GET {HEALTH}, {METRICS} or {OPENAPI}",
        405: f"it is not asked that way: POST {PREDICT}, or GET {HEALTH}, {METRICS} or {OPENAPI}",
    }
    return known.get(error.status_code, str(error.detail))


def _failure(error: Exception) -> str:
    """What nobody foresaw: said where the server runs, not to whoever asked."""
    print(one_line(f"no answer was given ({type(error).__name__}: {error})"), file=sys.stderr)
    return "this was not foreseen: the server's own output says more"
