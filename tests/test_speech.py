"""In the library messages name keywords and functions, on the command line flags and commands."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest

import diffopt
from diffopt.api.speech import METHODS, VERBS, commands_speak, keywords, spoken
from diffopt.cli.app import COMMANDS
from diffopt.cli.main import main
from diffopt.cli.spectrum.group import COMMANDS as SPECTRUM

#: What a command says, and what its function says.
SAID = {
    "--steps 3 has no effect: --sigmas has 5 steps; leave it out": "steps=3 has no effect: sigmas has 5 steps; leave it out",
    "output g.json exists; choose another name or add --force": "output g.json exists; choose another name or add force=True",
    "for samples use `diffopt spectrum estimate`": "for samples use diffopt.estimate",
    "did you mean 'heun'? (diffopt list solvers)": "did you mean 'heun'? (diffopt.names(\"solvers\"))",
    "use --end sigma_min or another solver": 'use end="sigma_min" or another solver',
    "diffopt spectrum estimate SAMPLES --covariance -o cov.npz": 'diffopt.estimate(SAMPLES, covariance=True).save("cov.npz")',
    "a rule: diffopt evaluate --schedule fisher_rao": 'a rule: diffopt.evaluate(..., schedule="fisher_rao")',
    "use `diffopt evaluate --eta` for one grid": "use diffopt.evaluate(..., eta=...) for one grid",
    "--plot x.pdf: unknown picture": '.plot("x.pdf"): unknown picture',
    "--schedule NAME, --sigmas LIST or --times LIST": "schedule=NAME, sigmas=LIST or times=LIST",
    "give --samples N, or (--solver NAME --steps N)": "give samples=N, or (solver=NAME, steps=N)",
    "use --process vp_linear --beta-min 0.1": 'use process="vp_linear", beta_min=0.1',
    "--shape (16, 16) has 256 pixels": "shape (16, 16) has 256 pixels",
    "use -s edm_stochastic -O phi=log": 'use solver="edm_stochastic", options={"phi": "log"}',
    "or --no-mean": "or mean=False",
    "leave out --range, --scale and --shift": "leave out range, scale and shift",
    "raise --max-member 1.073 (gigabytes)": "raise max_member=1.073 (gigabytes)",
    "--score-error curve:FILE, measured": 'score_error="curve:FILE", measured',
    "EDM: --steps=18 --rho=7": "EDM: --steps=18 --rho=7",
    "no flag: a well-known thing, x -- y, 3-5": "no flag: a well-known thing, x -- y, 3-5",
}  # fmt: skip
ROOT = Path(diffopt.__file__).parent


@pytest.mark.parametrize("text", SAID)
def test_flags_are_keywords_and_commands_calls(text):
    assert spoken(text) == SAID[text]
    assert spoken(spoken(text)) == spoken(text)
    with commands_speak():
        assert spoken(text) == text


def test_every_command_has_its_function():
    commands = {*COMMANDS, *(f"spectrum {name}" for name in SPECTRUM)} - {"spectrum", "list"}
    assert set(VERBS) == commands
    assert set(VERBS.values()) <= set(diffopt.NAMES)


def messages():
    """Texts of the package outside the command line that name a flag or a command, placeholders filled."""
    for path in sorted(ROOT.rglob("*.py")):
        if "cli" in path.parts or path.name in ("flags.py", "spectrum_flags.py", "speech.py", "page_forms.py"):
            continue
        tree = ast.parse(path.read_text())
        skipped = {id(n.body[0].value) for n in ast.walk(tree) if isinstance(n, ast.Module | ast.ClassDef | ast.FunctionDef)
                   and n.body and isinstance(n.body[0], ast.Expr)}  # fmt: skip
        parts = {id(v) for n in ast.walk(tree) if isinstance(n, ast.JoinedStr) for v in n.values}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                text = ""
                for value in node.values:
                    # What follows a flag at once is a clause of its own, or nothing.
                    text += value.value if isinstance(value, ast.Constant) else "" if re.search(r"--[a-z-]+$", text) else "7"
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped | parts:
                text = node.value
            else:
                continue
            if re.search(r"(?<![\w-])--[a-z]|diffopt [a-z]", text) and " " in text:
                yield f"{path.name}:{node.lineno}", text


def test_no_message_of_the_package_keeps_a_flag_or_a_command():
    found = list(messages())
    assert len(found) > 200
    flags = {*keywords(), *METHODS}
    for place, text in found:
        said = spoken(text)
        if said == text and text.startswith(("EDM: ", "Its grid: ")):
            continue
        left = [flag for flag in re.findall(r"(?<![\w./-])--[a-z][a-z-]*[a-z]", said) if flag in flags]
        left += re.findall(rf"diffopt (?:{'|'.join(VERBS)})\b", said)
        assert not left, f"{place}: {said}"


#: What goes wrong in the library, and what it says.
WRONG = [
    (lambda: diffopt.evaluate([4.0, 1.0], sigmas=[80, 5, 0], steps=3), "steps=3 has no effect"),
    (lambda: diffopt.evaluate([4.0, 1.0]), "schedule=NAME"),
    (lambda: diffopt.optimize(np.ones((3, 4))), "use diffopt.estimate"),
    (lambda: diffopt.optimize([4.0], "hein"), 'diffopt.names("solvers")'),
    (lambda: diffopt.optimize([4.0], key="x"), "key has no effect"),
    (lambda: diffopt.optimize([4.0], process="table"), 'betas="sd"'),
    (lambda: diffopt.posterior([4.0], "inpainting:0.5", 0.1), "covariance=True"),
    (lambda: diffopt.estimate(np.ones((3, 2)) + np.eye(3, 2), method="fourier", shrinkage="oas"), "shrinkage does not apply"),
    (lambda: diffopt.simulate(), "mixture="),
]  # fmt: skip


@pytest.mark.parametrize(("call", "words"), WRONG)
def test_errors_of_the_library_name_keywords(call, words):
    with pytest.raises(diffopt.DiffoptError) as caught:
        call()
    assert words in str(caught.value)
    assert not re.search(r"(?<!\w)--[a-z]", str(caught.value))


def test_methods_and_notes_speak_so_too_and_commands_do_not(tmp_path, capsys):
    path = tmp_path / "g.json"
    made = diffopt.optimize([4.0, 1.0], "ddim", 2, free="eta")
    assert any("no schedule is named" in note and 'free="eta"' in note for note in made.notes)
    made.save(path)
    with pytest.raises(diffopt.InputError, match="add force=True"):
        made.save(path)
    with pytest.raises(diffopt.InputError, match=r'\.plot\("'):
        made.plot(tmp_path / "g.pdf")
    assert main(["optimize", "builtin:white", "-s", "ddim", "-n", "2", "--free", "eta", "-o", str(path)]) == 2
    assert "add --force" in capsys.readouterr().err
    assert main(["optimize", "builtin:white", "-s", "ddim", "-n", "2", "--free", "eta"]) == 0
    assert "no --schedule is named" in capsys.readouterr().err
