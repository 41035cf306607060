#!/usr/bin/env python3
"""Writes Oracles.swift beside it: values of scipy and scikit-learn that the tests of Exploration compare with.

  Tests/Exploration/Fixtures/oracles.py > Tests/Exploration/Oracles.swift

Needs numpy, scipy and scikit-learn; `Tools/setup --bench` installs them into .build/peers.
"""
import numpy as np
from scipy.interpolate import LinearNDInterpolator
from scipy.linalg import cholesky, solve_triangular
from scipy.stats import norm, t
from sklearn.gaussian_process.kernels import Matern

rng = np.random.default_rng(7)


def swift(value):
    if isinstance(value, (list, tuple, np.ndarray)):
        return "[" + ", ".join(swift(v) for v in value) + "]"
    return repr(float(value))


def line(name, kind, value):
    text = swift(value)
    words, lines, current = text.split(" "), [], "       "
    for word in words:
        if len(current) + len(word) + 1 > 116:
            lines.append(current)
            current = "       "
        current += " " + word
    lines.append(current)
    print(f"    static let {name}: {kind} =\n" + "\n".join(lines))


print("// Written by Fixtures/oracles.py from scipy and scikit-learn.\n\nenum Oracles {")
A = rng.standard_normal((6, 6))
K = A @ A.T + 6 * np.eye(6)
b = rng.standard_normal(6)
L = cholesky(K, lower=True)
line("matrix", "[Double]", K.ravel())
line("vector", "[Double]", b)
line("whitened", "[Double]", solve_triangular(L, b, lower=True))
line("solved", "[Double]", np.linalg.solve(K, b))
line("inverseDiagonal", "[Double]", np.diag(np.linalg.inv(K)))
line("halfLogDeterminant", "Double", np.linalg.slogdet(K)[1] / 2)
r = np.array([0, 0.01, 0.1, 0.5, 1, 2, 5])
line("distances", "[Double]", r)
line("matern", "[Double]", Matern(nu=2.5)(r[:, None], np.zeros((1, 1)))[:, 0])
x = np.array([-4, -1.5, -0.2, 0, 0.7, 3])
line("points", "[Double]", x)
line("normalBelow", "[Double]", norm.cdf(x))
for degrees in (2, 4, 8, 30):
    line(f"studentBelow{degrees}", "[Double]", t.cdf(x, degrees))
for d in (2, 3):
    sites = rng.random((12, d))
    values = rng.random(12)
    targets = rng.random((20, d))
    found = LinearNDInterpolator(sites, values)(targets)
    line(f"sites{d}", "[[Double]]", sites)
    line(f"values{d}", "[Double]", values)
    line(f"targets{d}", "[[Double]]", targets)
    line(f"outside{d}", "[Double]", np.isnan(found).astype(float))
    line(f"interpolated{d}", "[Double]", np.nan_to_num(found))
print("}")
