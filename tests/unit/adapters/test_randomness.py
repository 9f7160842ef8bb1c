import pytest
import torch

from reviewtune.adapters.randomness import RandomStream

CPU = torch.device("cpu")


def draw(stream: RandomStream) -> float:
    with stream.drawn_from():
        return float(torch.rand(()))


def test_a_stream_goes_on_where_it_was_and_leaves_the_process_where_it_was() -> None:
    torch.manual_seed(7)
    expected = [float(torch.rand(())) for _ in range(3)]
    outside = torch.get_rng_state()
    stream = RandomStream(7, CPU)
    assert [draw(stream) for _ in range(3)] == expected
    assert torch.equal(torch.get_rng_state(), outside)


def test_streams_do_not_disturb_one_another() -> None:
    alone = RandomStream(1, CPU)
    expected = [draw(alone), draw(alone)]
    one, other = RandomStream(1, CPU), RandomStream(2, CPU)
    first, between, second = draw(one), draw(other), draw(one)
    assert [first, second] == expected
    assert between not in expected


def test_a_state_is_where_the_stream_stands() -> None:
    stream = RandomStream(3, CPU)
    draw(stream)
    state = stream.state()
    expected = draw(stream)
    fresh = RandomStream(4, CPU)
    fresh.load(state)
    assert draw(fresh) == expected
    fresh.reseed(4)
    assert draw(fresh) == draw(RandomStream(4, CPU))


def test_a_failure_inside_gives_the_process_its_generators_back() -> None:
    outside = torch.get_rng_state()
    with pytest.raises(RuntimeError), RandomStream(5, CPU).drawn_from():
        torch.rand(3).reshape(2)
    assert torch.equal(torch.get_rng_state(), outside)
