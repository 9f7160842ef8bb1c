"""The attention kernels on a GPU: reviews of several blocks too, in half precision."""

import pytest
import torch

from tests.unit.encoders.test_attention_op import CASES, check

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")]


@pytest.mark.parametrize(("biased", "window"), CASES)
@pytest.mark.parametrize("token_by_token", [True, False])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_reviews_attend_each_within_itself(biased: bool, window: int, token_by_token: bool, dtype: torch.dtype) -> None:
    from reviewtune.encoders.attention_op import attend_reviews

    check(attend_reviews, biased=biased, window=window, token_by_token=token_by_token, dtype=dtype, device="cuda")
