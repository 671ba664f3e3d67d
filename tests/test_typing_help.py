"""What people type: names of other programs, typos, completions, other words for commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from diffopt.cli import values
from diffopt.cli.app import COMMANDS
from diffopt.cli.main import main
from diffopt.cli.spectrum.group import COMMANDS as SPECTRUM
from diffopt.data.builtin import BUILTINS
from diffopt.documents.aliases import BY_KIND
from diffopt.documents.model_shift import MODELS as SHIFTS
from diffopt.documents.options import pick
from diffopt.errors import InputError
from diffopt.estimation.correction.shrinkage import SHRINKAGE
from diffopt.estimation.estimate import METHODS
from diffopt.foundation.names import close, suggestion
from diffopt.law.start import STARTS
from diffopt.objectives import OBJECTIVES
from diffopt.processes import PROCESSES
from diffopt.processes.beta_rules import NAMED, alphas_from_betas
from diffopt.processes.clocks import CLOCKS
from diffopt.processes.span import ENDS
from diffopt.schedules import SCHEDULES
from diffopt.search.knobs import SHARED
from diffopt.search.variables import FREE
from diffopt.solvers import SOLVERS

TABLES = {"solver": SOLVERS, "schedule": SCHEDULES, "process": PROCESSES, "objective": OBJECTIVES}
REGISTRIES = {
    **TABLES, "builtin": BUILTINS, "start": STARTS, "end": ENDS, "clock": CLOCKS,
    "free": {*FREE, *SHARED, *(n for name in SCHEDULES for n in SCHEDULES[name].family)}, "shrinkage": SHRINKAGE,
    "method": [*METHODS, "auto"], "betas": NAMED, "shift": SHIFTS,
}  # fmt: skip


@pytest.mark.parametrize("flag", REGISTRIES)
def test_completion_and_help_know_every_name(flag):
    assert set(values.values(flag)) == set(REGISTRIES[flag]), f"bring diffopt/cli/values.py up to the table of {flag}s"


@pytest.mark.parametrize("kind", BY_KIND)
def test_aliases_point_at_names_that_exist(kind):
    assert set(BY_KIND[kind].values()) <= set(TABLES[kind])
    assert not set(BY_KIND[kind]) & set(TABLES[kind]) - {"edm"}


@pytest.mark.parametrize(
    ("typed", "kind", "name"),
    [
        ("DPM++ 2M", "solver", "dpmpp_2m"), ("dpm++ 2m sde", "solver", "dpmpp_2m_sde"), ("Euler a", "solver", "euler_ancestral"),
        ("DPMSolverMultistepScheduler", "solver", "dpmpp_2m"), ("HeunDiscreteScheduler", "solver", "heun"),
        ("UniPC", "solver", "unipc"), ("dpmpp-2m", "solver", "dpmpp_2m"), ("DPM2 a", "solver", "dpm_2_ancestral"),
        ("SGM Uniform", "schedule", "sgm_uniform"), ("shift", "schedule", "flow_shift"), ("W2", "objective", "frechet"),
    ],
)  # fmt: skip
def test_names_of_other_programs_are_understood(typed, kind, name):
    assert pick(typed, TABLES[kind], kind) is TABLES[kind][name]


MODEL_NAMES = [("sdxl", "--process table --betas sd"), ("SD1.5", "--process table --betas sd"),
               ("sd3", "--process flow --shift sd3"), ("flux", "--process flow --shift flux")]  # fmt: skip


@pytest.mark.parametrize(("name", "flags"), MODEL_NAMES)
def test_a_models_name_is_answered_by_what_to_write_and_that_runs(name, flags, capsys):
    base = ["optimize", "builtin:power1", "-n", "2", "-q", "--format", "json"]
    for words in (["--process", name], ["--model", name], [f"--model={name}"]):
        assert main([*base, *words]) == 2
        out, err = capsys.readouterr()
        assert out == "" and err.count("\n") == 1 and f"is a model: say {flags}, or --scheduler-config FILE" in err
    assert main([*base, *flags.split()]) == 0
    assert json.loads(capsys.readouterr().out)["process"]["name"] == flags.split()[1]
    assert main([*base, "--model", "unheard of"]) == 2
    assert "say its process" in capsys.readouterr().err


def test_the_named_table_is_that_of_sd_and_is_written_out(capsys):
    """The rule of configs/sd15.toml and configs/sdxl.toml."""
    assert main(["optimize", "builtin:power1", "-n", "2", "-q", "--format", "json", "--process", "table", "--betas", "sd"]) == 0
    process = json.loads(capsys.readouterr().out)["process"]
    assert process["betas"] == "scaled_linear:0.00085,0.012,1000"
    last = alphas_from_betas("scaled_linear:0.00085,0.012,1000")[-1]
    assert process["sigma_max"] == pytest.approx(((1 - last) / last) ** 0.5)


@pytest.mark.parametrize(
    ("typed", "kind", "words"),
    [
        ("hen", "solver", "'heun'"), ("karass", "schedule", "'karras'"), ("fid", "objective", "'frechet'"),
        ("vp", "process", "'vp_linear'"), ("lmss", "solver", "'lms'"), ("DPM++ 2M Karras", "solver", "--schedule karras"),
    ],
)  # fmt: skip
def test_typos_get_the_nearest_name(typed, kind, words):
    with pytest.raises(InputError, match=words.replace("+", r"\+")):
        pick(typed, TABLES[kind], kind)


def test_a_beginning_gets_all_names_that_begin_so():
    assert close("ays", SCHEDULES) == ["ays_sd15", "ays_sdxl", "ays_svd", "ays_if"]


def test_nothing_near_lists_what_there_is():
    assert suggestion("zzzz", ["a1", "b2"]) == "use one of a1, b2"
    assert suggestion("zzzz", [f"name{i}" for i in range(40)]).endswith(", ...")


@pytest.mark.parametrize(
    ("flag", "begun", "found"),
    [
        ("solver", "dpmpp_2", {"dpmpp_2m", "dpmpp_2m_sde", "dpmpp_2s_ancestral"}),
        ("solver", "euler,he", {"euler,heun", "euler,heun_sde"}),
        ("process", "vp", {"vp_linear", "vp_cosine"}), ("format", "l", {"lines"}), ("to", "zz", set()),
    ],
)  # fmt: skip
def test_completions(flag, begun, found):
    complete = values.completer(flag)
    assert (set(complete(begun)) if complete else set()) == found


def test_spectra_complete_to_builtins_and_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.npy", "b.png", ".hidden.npy"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "c.npz").touch()
    assert values.spectrum("builtin:ph") == ["builtin:photos"]
    assert values.spectrum("") [-2:] == ["a.npy", "folder/"]
    assert values.spectrum("folder/") == ["folder/c.npz"]


@pytest.mark.parametrize("command", ["compare-schedules", "compare"])
def test_a_shell_gets_its_completions_and_no_numerics_are_loaded(command):
    code = (
        "import sys; sys.argv = ['diffopt']; from diffopt.cli.main import main; code = main([]);"
        "assert not {'numpy', 'scipy', 'pydantic', 'diffopt.cli.optimize'} & set(sys.modules), 'heavy'; sys.exit(code)"
    )
    environment = os.environ | {
        "_DIFFOPT_COMPLETE": "complete_bash", "COMP_WORDS": f"diffopt {command} --solver dpmpp_2m_", "COMP_CWORD": "3",
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["dpmpp_2m_sde"], done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_by_all_its_spellings(name, capsys):
    assert main([name, "--help"]) == 0
    text = capsys.readouterr().out
    assert main(["help", name]) == 0
    assert capsys.readouterr().out == text


def test_values_stand_in_the_help(capsys):
    assert main(["optimize", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for name in (*SOLVERS, *SCHEDULES, *PROCESSES, *OBJECTIVES):
        assert name in text
    # The names of a model's shift stand where they are taken, not where a number of that name is.
    assert "sd3, flux, flux_schnell" in text.split("Values: ")[1]
    assert main(["spectrum", "estimate", "--help"]) == 0
    assert "sd3" not in capsys.readouterr().out


@pytest.mark.parametrize("words", [["-V"], ["--version"]])
def test_version(words, capsys):
    assert main(words) == 0
    assert capsys.readouterr().out.startswith("diffopt ")


@pytest.mark.parametrize(("typed", "listed"), [("solver", "solvers"), ("process", "processes"), ("schedules", "schedules")])
def test_list_takes_one_or_many(typed, listed, capsys):
    assert main(["list", typed, "--format", "json"]) == 0
    assert f'"{listed}"' in capsys.readouterr().out


def test_a_short_name_of_a_command(capsys):
    words = ["builtin:power2", "-n", "3", "--only", "karras", "-q"]
    assert main(["compare", *words]) == main(["compare-schedules", *words]) == 0


def test_commands_use_one_thread_unless_told_and_estimation_is_left_alone():
    code = "import os, sys; from diffopt.cli import main; main.main = lambda: 0\ntry: main.run()\nexcept SystemExit: pass\n"
    code += "print(os.environ.get('OMP_NUM_THREADS'))"
    clean = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    for words, given, expected in ((["optimize"], None, "1"), (["optimize"], "4", "4"), (["spectrum"], None, "None")):
        environment = clean | ({} if given is None else {"OMP_NUM_THREADS": given})
        done = subprocess.run([sys.executable, "-c", code, *words], env=environment, capture_output=True, text=True)
        assert done.stdout.strip() == expected, done.stderr


def test_every_flag_of_names_completes_and_none_loads_numerics():
    """What a shell waits for: importing numpy alone would take most of the time that a reader grants."""
    code = """
import sys
from typer.main import get_command
from diffopt.cli.app import COMMANDS, application
from diffopt.cli.values import values

def leaves(command):
    found = getattr(command, "commands", None)
    return [command] if found is None else [leaf for one in found.values() for leaf in leaves(one)]

count = 0
for name in COMMANDS:
    for leaf in leaves(get_command(application(name))):
        for param in leaf.params:
            known = values(str(param.name), leaf.name) if param.param_type_name == "option" else ()
            if known and param.metavar != "SPECTRUM":
                offered = param.shell_complete(leaf.make_context(leaf.name, [], resilient_parsing=True), "")
                assert {item.value for item in offered} == set(known), (name, param.name, offered)
                count += 1
assert count > 40, count
assert not {"numpy", "scipy", "pydantic", "rich"} & set(sys.modules), "heavy"
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


LEAVES = [*([name] for name in COMMANDS if name != "spectrum"), *(["spectrum", name] for name in SPECTRUM)]


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_a_command_has_several_examples(words, capsys):
    assert main([*words, "--help"]) == 0
    text = capsys.readouterr().out.partition("Examples:\n")[2].partition("\n\n")[0]
    assert len([line for line in text.splitlines() if line.startswith("  diffopt ")]) >= 2


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("opt", "optimize"), ("optimise", "optimize"), ("compar", "compare-schedules"), ("budgt", "budget"),
        ("spectrum shw", "show"),
    ],
)  # fmt: skip
def test_a_command_that_does_not_exist_names_the_nearest(typed, meant, capsys):
    assert main(typed.split()) == 2
    said = capsys.readouterr().err
    assert "No such command" in said and meant in said


@pytest.mark.parametrize("typed", ["photos", "builtin:photo", "foto"])
def test_a_spectrum_that_does_not_exist_names_the_nearest(typed, capsys):
    assert main(["optimize", typed]) == 2
    assert "builtin:photos" in (said := capsys.readouterr().err) or "'photos'" in said


def test_a_piped_grid_goes_through_export_and_check(tmp_path, monkeypatch, capsys):
    """By a pipe to a process of its own, by standard input here, and by name."""
    assert main(["optimize", "builtin:power2", "-n", "4", "-q"]) == 0
    made = capsys.readouterr().out
    (tmp_path / "grid.json").write_text(made)
    said = {}
    for words in (["export", "--to", "comfyui"], ["check", "--host", "k_diffusion", "--format", "json"]):
        assert main([*words, str(tmp_path / "grid.json")]) == 0
        said[words[0]] = capsys.readouterr().out
        assert said[words[0]]
        with (tmp_path / "grid.json").open() as stream:
            monkeypatch.setattr(sys, "stdin", stream)
            assert main([*words, "-"]) == 0
        assert capsys.readouterr().out == said[words[0]]
    run = [sys.executable, "-m", "diffopt", "export", "--to", "comfyui", "-"]
    piped = subprocess.run(run, input=made, capture_output=True, text=True)
    assert (piped.returncode, piped.stdout) == (0, said["export"])


@pytest.mark.parametrize("word", ["show", "convert"])
def test_no_spectrum_and_a_pipe_is_standard_input_for_spectra_too(word, tmp_path, monkeypatch, capsys):
    (tmp_path / "piped").write_text("4 1 0.25\n")
    with (tmp_path / "piped").open() as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        assert main(["spectrum", word]) == 0
    assert '"dim": 3' in capsys.readouterr().out


GIVEN_BY_PIPE = [
    (["spectrum", "estimate", "-q"], "x,y\n2,0\n-2,0\n0,1\n0,-1\n"),
    (["spectrum", "from-loss", "-q"], "sigma,mse\n0.1,0.0099\n0.3,0.083\n1,0.5\n3,0.9\n10,0.99\n"),
    (["spectrum", "posterior", "--operator", "diagonal:0.5", "--noise", "0.1", "-q"], "4 1 0.25\n"),
    (["check", "--host", "k_diffusion", "--format", "json", "-q"], None),
    (["export", "--to", "comfyui", "-q"], None),
]


@pytest.mark.parametrize(("words", "text"), GIVEN_BY_PIPE, ids=lambda v: "_".join(v[:2]) if isinstance(v, list) else "")
def test_no_file_and_a_pipe_is_standard_input(words, text, tmp_path, monkeypatch, capsys):
    """As the same command with `-`; a terminal or no input is refused in one line."""
    grid = {"schema": "diffopt.schedule/1", "solver": "euler", "process": {"name": "ve"}, "sigmas": [80, 10, 1, 0]}
    (tmp_path / "piped").write_text(json.dumps(grid) if text is None else text)
    said = []
    for more in ([], ["-"]):
        with (tmp_path / "piped").open() as stream:
            monkeypatch.setattr(sys, "stdin", stream)
            said.append((main([*words, *more]), capsys.readouterr().out))
    assert said[0] == said[1] and said[0][1] and said[0][0] != 2
    with open(os.devnull) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: Missing argument") and err.count("\n") == 1


@pytest.mark.parametrize("typed", ["estimate", "synthesize", "posterior"])
def test_a_command_of_a_group_is_named_with_its_group(typed, capsys):
    assert main([typed, "x.npy"]) == 2
    assert f"did you mean 'spectrum {typed}'?" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "flag"), [("cmp.html", "--html cmp.html"), ("cmp.png", "--plot cmp.png")])
def test_a_page_and_a_picture_have_their_own_flags(name, flag, capsys):
    assert main(["compare-schedules", "builtin:photos", "-s", "euler", "-n", "5", "-o", name]) == 2
    assert flag in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("export", ("--to HOST", "diffopt list hosts")),
        ("export --to edm", ("SCHEDULE", "name a file, or - for standard input")),
        ("check grid.json", ("HOST", "diffopt list hosts")),
        ("siem", ("FILE", "name a file, or - for standard input")),
    ],
)
def test_what_is_missing_is_told_with_what_it_would_be(words, parts, capsys):
    assert main(words.split()) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and all(part in told for part in parts)


def test_a_form_of_a_host_and_the_file_of_a_model_get_the_nearest(tmp_path, capsys):
    (tmp_path / "model_index.json").write_text('{"_class_name": "StableDiffusionXLPipeline"}')
    assert main(f"optimize builtin:photos -n 3 --scheduler-config {tmp_path}/model_index.json".split()) == 2
    assert "give scheduler/scheduler_config.json" in capsys.readouterr().err
    assert main("optimize builtin:photos -s dpmpp_2m -n 3 --host diffusers:snipet".split()) == 2
    assert "did you mean 'snippet'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--end", "zero"], "of first order for every scheme"),
        (["--start", "sigma"], "does not fall with the steps"),
        (["--sigmas", "80,1,0"], "a rule that makes grids of any number of steps"),
        (["--times=1,0.5,0"], "a rule that makes grids of any number of steps"),
        (["grid.json"], "a rule that makes grids of any number of steps"),
    ],
)
def test_what_convergence_does_not_take_is_sent_where_it_is_taken(words, said, capsys):
    assert main(["convergence", "builtin:power1", *words]) == 2
    told = capsys.readouterr()
    assert said in told.err and "diffopt evaluate" in told.err and not told.out
