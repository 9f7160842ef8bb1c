"""Embedding texts: reviewtune's encoder beside sentence-transformers, same weights, same rows, one run.

python benchmarks/encode.py [--data FILE] [--rows 512]
"""

import argparse
import time

import numpy as np
from sentence_transformers import SentenceTransformer

from reviewtune.data.reviews import load_reviews
from reviewtune.encoders.encode import TextEncoder
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.schema import TEXT


def main() -> None:
    """Print reviews a second of both, their ratio, and how far their vectors are apart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="sample")
    parser.add_argument("--rows", type=int, default=512)
    options = parser.parse_args()
    texts = load_reviews(options.data).table[TEXT].to_pylist()[: options.rows]
    encoder = resolve_encoder("minilm")
    ours = TextEncoder(encoder)
    theirs = SentenceTransformer(encoder.source, device=str(ours.device))
    theirs.max_seq_length = encoder.max_length
    ours.embed(texts[:32])
    theirs.encode(texts[:32])
    our_seconds, vectors = timed(lambda: ours.embed(texts))
    their_seconds, reference = timed(lambda: theirs.encode(texts, batch_size=32, normalize_embeddings=True))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    print(
        f"{len(texts)} reviews on {ours.device}: reviewtune {len(texts) / our_seconds:.0f}/s, "
        f"sentence-transformers {len(texts) / their_seconds:.0f}/s, ratio {their_seconds / our_seconds:.2f}"
    )
    print(f"largest difference of the unit vectors: {np.abs(unit - reference).max():.2g}")


def timed(call):
    """Seconds and the result of a call."""
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


if __name__ == "__main__":
    main()
