import pytest

from reviewtune.adapters.packed.threads import ThreadsByShare


def test_a_worker_on_cpus_computes_in_as_many_threads_as_there_are_cpus_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = [3]
    monkeypatch.setattr("torch.get_num_threads", lambda: threads[-1])
    monkeypatch.setattr("torch.set_num_threads", threads.append)
    use = ThreadsByShare()
    for share in (1.0, 4.0, 4.0, 4 / 3, 1.0):
        use(share)
    assert threads == [3, 12, 4, 3]
