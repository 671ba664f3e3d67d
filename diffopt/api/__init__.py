"""The library: one verb a file; the commands call these functions and nothing else.

How to add a verb, `shift` say:

* `diffopt/api/shift.py` holds `@verb def shift(spectrum, solver="euler", steps=10, *, own=None, **flags: Unpack[Flags])`. The
  data come first, what nearly everybody says follows, the verb's own arguments are keywords, and the shared flags are
  taken as a whole. Values are numbers, names, lists, arrays or objects; comma lists are understood where lists are.
* `VERBS` in `diffopt/api/flags.py` names the groups of shared flags that the verb takes. `read("shift", flags, ...)`
  gives the `Settings`, and raises TypeError with the nearest name for a flag that is none or not the verb's.
* `load_dataset(spectrum)` gives the data, `make_problem(settings, data)` the problem with its process and solver.
  Whatever is wrong with a value is an `InputError` in one line.
* The answer is a frozen subclass of `diffopt.api.results.base.Result` around a document of
  `diffopt.documents.schemas` (with its line in DOCUMENTS); `notes` are sentences about what was assumed (`@verb`
  adds those that were said by `diffopt.foundation.notes.note` on the way). `rows` says
  what a table shows; `save`, `plot`, `to_dict`, `render` and the table of notebooks follow from it.
* `NAMES` in `diffopt/__init__.py` and `diffopt/__init__.pyi` get a line each, and the docstring an example that runs.
* `diffopt/cli/shift.py` holds the command: `@command("shift")` over `def shift(given: Given) -> None`, whose body is
  `given.finish(call(given.data, progress=..., **given.flags))`; `COMMANDS` in `diffopt/cli/app.py` gets a line. The flags of
  this command alone are the verb's entry in `OWN` of `diffopt/api/flags.py`; they arrive in `given.flags` under the names of
  the verb's own arguments. Each gets a value in `tests/test_flag_effects.py`, which fails for a flag that does nothing.
"""
