"""Makes npz/*.npz: the closed-form rows X of metrics.json as statistics, in the ways that numpy stores them.

Run with any Python that has numpy: python make_npz.py
"""
import pathlib

import numpy

here = pathlib.Path(__file__).parent / "npz"
here.mkdir(exist_ok=True)
i, j = numpy.mgrid[0:200, 0:16].astype("f8")
x = numpy.sin(0.7 * i + 1.9 * j + 0.05 * i * j) + 0.3 * numpy.cos(1.3 * i * j + 0.2 * i)
mu, sigma = x.mean(0), numpy.cov(x, rowvar=False)
numpy.savez(here / "stored.npz", mu=mu, sigma=sigma)
numpy.savez_compressed(here / "deflated.npz", mu=mu, sigma=sigma)
numpy.savez(here / "float32.npz", mu=mu.astype("f4"), sigma=sigma.astype("f4"))
numpy.savez(here / "fortran.npz", mu=mu, sigma=numpy.asfortranarray(numpy.arange(6.0).reshape(2, 3)))
numpy.savez(here / "objects.npz", mu=numpy.array([{}], dtype=object), sigma=numpy.array(["a"]))
