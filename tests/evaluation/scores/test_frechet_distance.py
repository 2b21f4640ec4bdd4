import numpy as np
import pytest
import torch
from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

from sngan_repro.evaluation.scores import frechet_distance as module
from sngan_repro.evaluation.scores.frechet_distance import frechet_distance, gaussian, sum_of_singular_values


def exact_sample(num, mean, root, seed):
    """Rows whose sample mean is ``mean`` and whose sample covariance is root @ root.T, to rounding."""
    x = np.random.default_rng(seed).standard_normal((num, len(mean)))
    x -= x.mean(axis=0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T
    return (x @ root.T + mean).astype(np.float32)


def by_torch_fidelity(a, b):
    one, two = (fid_features_to_statistics(torch.from_numpy(x)) for x in (a, b))
    return fid_statistics_to_metric(one, two, verbose=False)[KEY_METRIC_FID]


def distance(a, b):
    return frechet_distance(gaussian(a), gaussian(b))


def test_diagonal_covariances():
    a = exact_sample(500, np.array([0.0, 1.0, 2.0]), np.diag([1.0, 2.0, 3.0]), 0)
    b = exact_sample(300, np.array([1.0, 1.0, 0.0]), np.diag([2.0, 2.0, 1.0]), 1)
    # |m|^2 = 1 + 4; sum over (s1 - s2)^2 = 1 + 0 + 4
    assert distance(a, b) == pytest.approx(10.0, rel=1e-5)


def test_covariances_that_do_not_commute():
    first, second = np.array([[2.0, 0.0], [1.0, 1.0]]), np.array([[1.0, 0.0], [-1.0, 2.0]])
    a, b = exact_sample(400, np.zeros(2), first, 0), exact_sample(400, np.zeros(2), second, 1)
    # For 2 x 2 positive definite P = S1 S2: tr(P^(1/2)) = sqrt(tr P + 2 sqrt(det P)).
    s1, s2 = first @ first.T, second @ second.T
    root = np.sqrt(np.trace(s1 @ s2) + 2 * np.sqrt(np.linalg.det(s1 @ s2)))
    assert distance(a, b) == pytest.approx(np.trace(s1) + np.trace(s2) - 2 * root, rel=1e-5)


def test_full_rank_equals_torch_fidelity():
    rng = np.random.default_rng(0)
    a = (rng.standard_normal((900, 40)) @ rng.standard_normal((40, 40))).astype(np.float32)
    b = (rng.standard_normal((700, 40)) @ rng.standard_normal((40, 40)) + 0.5).astype(np.float32)
    assert distance(a, b) == pytest.approx(by_torch_fidelity(a, b), rel=1e-8)


def test_fifty_distinct_images_repeated_equal_torch_fidelity():
    rng = np.random.default_rng(0)
    distinct = rng.gamma(1.0, size=(50, 64)).astype(np.float32)
    real = rng.gamma(1.0, size=(1200, 64)).astype(np.float32)
    fake = np.tile(distinct, (12, 1))
    assert torch.linalg.matrix_rank(gaussian(fake).factor) == 49
    assert distance(fake, real) == pytest.approx(by_torch_fidelity(fake, real), rel=1e-6)


def test_singular_covariances_are_exact():
    """Fewer images than features, in orthogonal subspaces: no common part, so FID = |m|^2 + tr S1 + tr S2."""
    rng = np.random.default_rng(0)
    a, b = np.zeros((20, 100), dtype=np.float32), np.zeros((30, 100), dtype=np.float32)
    a[:, :50], b[:, 50:] = rng.standard_normal((20, 50)), rng.standard_normal((30, 50))
    expected = np.sum((a.mean(0) - b.mean(0)) ** 2) + a.var(0, ddof=1).sum() + b.var(0, ddof=1).sum()
    assert distance(a, b) == pytest.approx(expected, rel=1e-6)


def test_a_set_against_itself_is_zero_even_when_singular():
    x = np.random.default_rng(0).standard_normal((30, 200)).astype(np.float32)
    assert abs(distance(x, x)) < 1e-10
    assert abs(distance(x, np.tile(x, (3, 1))) - distance(np.tile(x, (3, 1)), x)) < 1e-10


def test_blocks_change_nothing(monkeypatch):
    x = np.random.default_rng(0).standard_normal((100, 8)).astype(np.float32)
    whole = gaussian(x).factor
    monkeypatch.setattr(module, "ROWS", 7)
    parts = gaussian(x).factor
    assert torch.allclose(parts.T @ parts, whole.T @ whole, rtol=1e-12)
    assert np.allclose(parts.T @ parts, np.cov(x.astype(np.float64), rowvar=False), rtol=1e-12)


@pytest.mark.parametrize(("rows", "columns"), [(40, 40), (30, 50), (50, 30)])
def test_eigenvalues_give_the_sum_of_singular_values(rows, columns):
    """The way of a GPU, of matrices of full rank."""
    matrix = torch.from_numpy(np.random.default_rng(0).standard_normal((rows, columns)))
    expected = np.linalg.svd(matrix.numpy(), compute_uv=False).sum()
    for by_eigenvalues in (True, False):
        assert sum_of_singular_values(matrix, by_eigenvalues).item() == pytest.approx(expected, rel=1e-12)


def test_eigenvalues_of_repeated_images():
    """49 singular values of 1,024 are not 0. The others are rounding errors and add to the distance."""
    rng = np.random.default_rng(0)
    real = gaussian(rng.gamma(1.0, size=(1200, 1024)).astype(np.float32))
    fake = gaussian(np.tile(rng.gamma(1.0, size=(50, 1024)).astype(np.float32), (24, 1)))
    product = fake.factor @ real.factor.T
    exact = torch.linalg.svdvals(product)[:49].sum().item()
    assert sum_of_singular_values(product, by_eigenvalues=True).item() == pytest.approx(exact, rel=1e-6)
