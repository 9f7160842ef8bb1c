import json
import subprocess
import sys

import pytest
import torch

from reviewtune.errors import StudyError

SCRIPT = """
import json, sys
import numpy as np, torch
import torch.distributed as dist
from torch import nn
from reviewtune.adapters.randomness import RandomStream
from reviewtune.adapters.schedule import Course
from reviewtune.adapters.training import Trainer, Worker
from reviewtune.data.tokens import from_lists
from reviewtune.encoders.attention import mean_pool

class Bag(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.head = nn.Embedding(50, 8, padding_idx=0), nn.Linear(8, 2)
        self.unused = nn.Parameter(torch.ones(3))

    def forward(self, packed):
        return self.head(mean_pool(self.embedding(packed.input_ids), packed))

rank, world_size, port = map(int, sys.argv[1:])
if world_size > 1:
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=world_size)
torch.set_num_threads(1)
torch.manual_seed(0)
rng = np.random.default_rng(0)
fake = rng.random(21) < 0.5
tokens = from_lists([rng.integers(1, 25, rng.integers(3, 9)) + 24 * label for label in fake])
model = Bag()
optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)
trainer = Trainer(
    model=model,
    optimizer=optimizer,
    lr_schedule=torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0),
    tokens=tokens,
    labels=torch.from_numpy(fake.astype(np.int64)),
    course=Course(21, 4, epochs=4, evaluations_per_epoch=2),
    seed=0,
    random=RandomStream(rank, torch.device("cpu")),
    worker=Worker(rank, world_size),
)
print(json.dumps([list(trainer.train()), model.head.weight.tolist()]))
"""


def start(rank: int, world_size: int, port: int = 0) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, str(rank), str(world_size), str(port)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def result(process: subprocess.Popen[str]) -> tuple[list[list[float]], list[list[float]]]:
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    legs, weights = json.loads(output.splitlines()[-1])
    return legs, weights


def test_two_workers_give_the_losses_of_one_at_the_same_batch() -> None:
    """21 rows in batches of 4, two legs an epoch: an epoch's last batch has one row, and the second worker none."""
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    workers, alone = [start(rank, 2, port) for rank in range(2)], start(0, 1)
    shared = [result(worker) for worker in workers]
    legs, weights = result(alone)
    assert [number for number, _ in legs] == list(range(1, 9))
    assert legs[-1][1] < 0.7 * legs[0][1]
    for shared_legs, shared_weights in shared:
        torch.testing.assert_close(torch.tensor(shared_legs), torch.tensor(legs), rtol=0, atol=1e-5)
        torch.testing.assert_close(torch.tensor(shared_weights), torch.tensor(weights), rtol=0, atol=1e-5)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_ends_the_training(monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    from types import SimpleNamespace

    from reviewtune.adapters.randomness import RandomStream
    from reviewtune.adapters.schedule import Course
    from reviewtune.adapters.training import Trainer

    def leg(self: Trainer, batches: list[object]) -> float:
        self.lr_schedule.last_epoch += len(batches)
        return 0.5 if self.steps == 2 else value

    monkeypatch.setattr(Trainer, "_leg", leg)
    nothing: dict = {**dict.fromkeys(["model", "optimizer", "tokens", "labels"]), "seed": 0}
    nothing["lr_schedule"] = SimpleNamespace(last_epoch=0)
    course = Course(16, 4, epochs=3, evaluations_per_epoch=2)
    legs = Trainer(**nothing, course=course, random=RandomStream(0, torch.device("cpu"))).train()
    assert next(legs) == (1, 0.5)
    with pytest.raises(StudyError, match=f"epoch 1 is {value}.*lower the learning rate"):
        next(legs)
