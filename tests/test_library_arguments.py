"""What the verbs take: lists, arrays, tensors, paths and objects; everything else is refused in one line without numbers."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import numpy as np
import pytest

import diffopt

#: Imported by the first test that runs: collecting the suite takes no second more for it.
torch: Any = None

pytestmark = [
    pytest.mark.skipif(not importlib.util.find_spec("torch"), reason="torch is not installed"),
    pytest.mark.usefixtures("no_optimum"),
]


@pytest.fixture(autouse=True, scope="module")
def imported():
    global torch
    torch = importlib.import_module("torch")


EIG = np.array([4.0, 1.0, 0.25, 0.0625])
SAMPLES = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
LEVELS = np.array([80.0, 4.0, 0.5, 0.0])
CURVE = np.array([(0.1, 0.0199), (1.0, 1.0), (10.0, 1.98), (100.0, 2.0)])
POWER = np.array([(0.1, 4.0), (1.0, 2.0), (5.0, 1.0)])


def rows(x: object) -> object:
    """Arrays of `siem`, the noise taken for the prediction."""
    return {"x0": x, "noise": SAMPLES, "predicted": SAMPLES, "sigma": np.ones(60)}


#: Verb and what of its answer must not depend on the carrier, with the numbers it is given.
TAKEN = {
    "optimize": (EIG, lambda d: diffopt.optimize(d, steps=3).sigmas),
    "evaluate": (EIG, lambda d: diffopt.evaluate(d, schedule="karras", steps=3).errors["frechet"]),
    "compare": (EIG, lambda d: diffopt.compare(d, steps=3, only="karras").rows()[0]["frechet"]),
    "orders": (EIG, lambda d: diffopt.orders(d, "euler", "4,8", metric="frechet").rows()[0]["order"]),
    "best_eta": (EIG, lambda d: diffopt.best_eta(d, "ddim", 3, design="none", noise_objective="exact").rows()[0]["exact"]),
    "shift": (EIG, lambda d: diffopt.shift(d, steps=4).shift),
    "budget": (EIG, lambda d: diffopt.budget(d, samples=1000).total),
    "read_spectrum": (EIG, lambda d: diffopt.read_spectrum(d).eigenvalues),
    "posterior": (EIG, lambda d: diffopt.posterior(d, "diagonal:0.5", 0.5).eigenvalues),
    "operator": (np.eye(4)[:2], lambda d: diffopt.posterior(np.eye(4), d, 0.5).eigenvalues),
    "measurement": (EIG, lambda d: diffopt.posterior(np.eye(4), "diagonal:0.5", 0.5, measurement=d).spectrum.mean),
    "grid": (LEVELS, lambda d: diffopt.evaluate(EIG, d).errors["frechet"]),
    "sigmas": (LEVELS, lambda d: diffopt.evaluate(EIG, sigmas=d).errors["frechet"]),
    "add": (LEVELS, lambda d: diffopt.compare(EIG, steps=3, only="karras", add={"own": d}).rows()[-1]["frechet"]),
    "export": (LEVELS, lambda d: len(diffopt.export(d, "comfyui"))),
    "eta": (np.array([0.5, 0.25, 0.0]), lambda d: diffopt.evaluate(EIG, LEVELS, "ddim", eta=d).errors["frechet"]),
    "estimate": (SAMPLES, lambda d: diffopt.estimate(d).eigenvalues),
    "labels": (np.arange(60) % 2, lambda d: diffopt.estimate(SAMPLES, labels=d).dataset.members.spectra[0].eig),
    "simulate": (SAMPLES, lambda d: diffopt.simulate(samples=d, steps=2, count=20, reference_steps=4).reference),
    "from_loss": (CURVE, lambda d: diffopt.from_loss(d).eigenvalues),
    "siem": (SAMPLES, lambda d: diffopt.siem(rows(d)).coherent["value"]),
    "siem_collect": (SAMPLES, lambda d: diffopt.siem_collect(lambda y, s: y, [d], [1.0])["x0"]),
    "table": (POWER, lambda d: diffopt.synthesize("radial", shape=(4, 4), table=d).eigenvalues),
}  # fmt: skip
TENSORS = {
    "double": lambda a: torch.tensor(a),
    "float": lambda a: torch.tensor(a).float() if a.dtype.kind == "f" else torch.tensor(a),
    "grad": lambda a: torch.tensor(a).requires_grad_() if a.dtype.kind == "f" else torch.tensor(a),
    "bfloat16": lambda a: torch.tensor(a).bfloat16() if a.dtype.kind == "f" else torch.tensor(a),
}


@pytest.mark.parametrize("verb", TAKEN)
def test_lists_and_tensors_give_what_arrays_give(verb):
    data, call = TAKEN[verb]
    if verb not in ("estimate", "siem", "siem_collect"):
        np.testing.assert_array_equal(call(data.tolist()), call(data))
    for name, make in TENSORS.items():
        tensor = make(data)
        # What a tensor of less precision holds, as an array of numpy.
        same = tensor.detach().double().numpy().astype(data.dtype)
        np.testing.assert_allclose(call(tensor), call(same), rtol=2e-6, atol=1e-6, err_msg=f"{verb} {name}")


def test_blocks_of_tensors_are_samples():
    whole = diffopt.estimate(SAMPLES).eigenvalues
    blocks = torch.tensor(SAMPLES).split(20)
    np.testing.assert_allclose(diffopt.estimate(list(blocks)).eigenvalues, whole, rtol=1e-12)
    np.testing.assert_allclose(diffopt.estimate(b.requires_grad_() for b in blocks).eigenvalues, whole, rtol=1e-12)


@pytest.mark.parametrize("make", [lambda: EIG.tolist(), lambda: np.diag(EIG), lambda: torch.diag(torch.tensor(EIG)),
                                  lambda: diffopt.Spectrum.create(EIG), lambda: diffopt.read_spectrum(EIG),
                                  lambda: diffopt.Dataset.of(diffopt.Spectrum.create(EIG))])  # fmt: skip
def test_a_prior_in_every_form_has_the_posterior_of_its_directions(make):
    found = diffopt.posterior(make(), "diagonal:0.5", 0.5)
    # One direction at a time: 1/(1/e + 0.5^2/0.5^2).
    np.testing.assert_allclose(found.eigenvalues, 1 / (1 / EIG + 1), rtol=1e-12)


#: Things that are no data, no grid, no name and no number.
STRANGE = {
    "none": lambda: None, "mapping": dict, "ragged": lambda: [[1.0], [1.0, 2.0]], "object": object, "words": lambda: ["a", "b"],
    "generator": lambda: (i for i in range(3)), "complex": lambda: np.ones(1000) * 1j, "deep": lambda: np.zeros((9, 9, 9)),
    "meta": lambda: torch.zeros(1000, device="meta"), "sparse": lambda: torch.eye(99).to_sparse(), "grid": lambda: GRID,
    "spectrum": lambda: diffopt.Spectrum.create(np.ones(1000)), "long": lambda: np.ones(1000), "tensor": lambda: torch.ones(1000),
}  # fmt: skip
GRID = diffopt.optimize(EIG, steps=2)
#: Arguments, and what of the above they take.
REFUSED = {
    "optimize": (lambda x: diffopt.optimize(x, steps=2), ("spectrum", "long", "tensor")),
    "posterior": (lambda x: diffopt.posterior(x, "diagonal:0.5", 0.5), ("spectrum", "long", "tensor")),
    "estimate": (lambda x: diffopt.estimate(x), ()),
    "from_loss": (lambda x: diffopt.from_loss(x), ()),
    "siem": (lambda x: diffopt.siem(x), ()),
    "simulate": (lambda x: diffopt.simulate(samples=x, steps=2, count=20), ()),
    "given": (lambda x: diffopt.simulate(samples=SAMPLES, posterior=x, steps=2, count=20), ("none",)),
    "siem_collect": (lambda x: diffopt.siem_collect(lambda y, s: y, x, [1.0]), ("ragged", "deep", "tensor", "sparse", "long")),
    "levels": (lambda x: diffopt.siem_collect(lambda y, s: y, [SAMPLES], x), ("long", "tensor")),
    "sigmas": (lambda x: diffopt.evaluate(EIG, sigmas=x), ()),
    "add": (lambda x: diffopt.compare(EIG, steps=2, only="karras", add={"x": x}), ("grid",)),
    "operator": (lambda x: diffopt.posterior(np.eye(4), x, 0.5), ()),
    "noise": (lambda x: diffopt.posterior(np.eye(4), "diagonal:0.5", x), ()),
    "measurement": (lambda x: diffopt.posterior(np.eye(4), "diagonal:0.5", 0.5, measurement=x), ("none",)),
    "labels": (lambda x: diffopt.estimate(SAMPLES, labels=x), ("none",)),
    "table": (lambda x: diffopt.synthesize("radial", shape=(4, 4), table=x), ()),
    "solver": (lambda x: diffopt.optimize(EIG, x, 2), ("none",)),
    "steps": (lambda x: diffopt.optimize(EIG, steps=x), ("none",)),
    "eta": (lambda x: diffopt.evaluate(EIG, LEVELS, "ddim", eta=x), ("none",)),
    "schedule": (lambda x: diffopt.evaluate(EIG, schedule=x, steps=2), ()),
    "process": (lambda x: diffopt.optimize(EIG, steps=2, process=x), ("none",)),
    "names": (diffopt.names, ("none",)), "explain": (diffopt.explain, ()), "schema": (diffopt.schema, ("none",)),
    "load": (diffopt.load, ()),
}  # fmt: skip


@pytest.mark.parametrize("argument", REFUSED)
def test_what_is_not_taken_is_refused_in_one_short_line(argument):
    call, fine = REFUSED[argument]
    for name, make in STRANGE.items():
        if name in fine:
            continue
        with pytest.raises(diffopt.DiffoptError) as caught:
            call(make())
        line = str(caught.value)
        assert "\n" not in line and len(line) < 400, (name, line)
        assert "0., 0." not in line and "1., 1." not in line and " at 0x" not in line, (name, line)


def test_a_network_sees_one_noise_ratio_a_sample_and_must_answer_in_the_shape_of_the_data():
    images = torch.zeros(5, 2, 3, 3)
    seen = []

    def predict(y, sigma):
        seen.append(tuple(sigma.shape))
        return y / sigma.reshape(-1, *[1] * (y.ndim - 1))

    found = diffopt.siem_collect(predict, [images], [1.0, 2.0])
    assert seen == [(5,), (5,)]
    # The data are 0, so that the noise is y / sigma.
    np.testing.assert_allclose(found["predicted"], found["noise"], rtol=1e-6)
    with pytest.raises(diffopt.InputError, match=r"sigma comes as \(5,\)"):
        diffopt.siem_collect(lambda y, sigma: sigma, [images], [1.0])


def test_a_device_that_torch_lacks_is_refused_in_a_line():
    assert GRID.sigmas_tensor().dtype == torch.float32
    if not torch.cuda.is_available():
        with pytest.raises(diffopt.UnsupportedError, match="no device 'cuda'"):
            GRID.sigmas_tensor("cuda")
    with pytest.raises(diffopt.UnsupportedError, match="no device 'nonsense'"):
        GRID.sigmas_tensor("nonsense")
