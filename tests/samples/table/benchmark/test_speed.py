"""Benchmarks."""


def test_sum(benchmark):
    assert benchmark(sum, [1, 2, 3]) == 6


def test_wrong(benchmark):
    assert benchmark(sum, [1, 2, 3]) == 7
