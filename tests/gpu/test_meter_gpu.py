"""The energy of a GPU by its driver's counter."""

import time

import pytest
import torch

from reviewtune.tuning.meter import DeviceMeter

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")]


def test_a_working_gpu_draws_more_than_one_that_rests() -> None:
    product = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
    torch.cuda.synchronize()
    meter = DeviceMeter()
    time.sleep(2)
    rest = meter.take()
    begin = time.perf_counter()
    while time.perf_counter() < begin + 2:
        product @ product
        torch.cuda.synchronize()
    work = meter.take()
    assert rest.joules is not None
    assert work.joules is not None
    assert 1 < rest.joules / rest.seconds < work.joules / work.seconds < 2000
