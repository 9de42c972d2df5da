"""The JSON Schema for editors accepts every shipped grid and refuses what the program refuses.

    schema_check.py REPOSITORY
"""
import copy
import pathlib
import sys

import jsonschema
import yaml

root = pathlib.Path(sys.argv[1])
schema = yaml.safe_load((root / "schema/grid.schema.json").read_text())
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)

grids = sorted((root / "experiments").glob("*.yaml"))
assert len(grids) >= 4, grids
for path in grids:
    errors = [error.message for error in validator.iter_errors(yaml.safe_load(path.read_text()))]
    assert not errors, f"{path.name}: {errors}"

sound = yaml.safe_load(grids[0].read_text())
faults = {
    "an unknown key": lambda g: g.update(imges=3),
    "an unknown axis": lambda g: g["axes"].update(modle=["x"]),
    "an empty axis": lambda g: g["axes"].update(guidance=[]),
    "an unknown sampler": lambda g: g["axes"].update(sampler=["dimm"]),
    "a wrong type": lambda g: g.update(images="many"),
    "an unknown split": lambda g: g.update(prompts={"world": "validaton"}),
    "an unknown metric": lambda g: g.update(metrics=["fdi"]),
    "a range without an end": lambda g: g["axes"].update(steps={"from": 4, "count": 3}),
    "no images": lambda g: g.pop("images"),
    "no metrics": lambda g: g.update(metrics=[]),
    "a log range with a step": lambda g: g["axes"].update(steps={"from": 4, "to": 8, "step": 2, "log": True}),
    "steps that are not whole": lambda g: g["axes"].update(steps=[4.5]),
    "an option that no sampler has": lambda g: g["axes"].update({"sampler.etta": 1}),
    "an axis that sets nothing": lambda g: g["axes"].update(noise={"sets": "sampler.noise", "values": [1]}),
    "a default of several values": lambda g: g.update(defaults={"guidance": [1, 2]}),
    "an unknown default": lambda g: g.update(defaults={"guidence": 1}),
    "a task without its data": lambda g: g.update(tasks={"upscale": {"kind": "super-resolution"}}),
    "data of a task without pictures": lambda g: g.update(tasks={"draw": {"data": {"folder": "x"}}}),
    "an unknown method": lambda g: g.update(tasks={"edit": {"kind": "editing", "method": "paint", "data": {"folder": "x"}}}),
    "a model of a task that is no pattern": lambda g: g.update(tasks={"draw": {"model": "w8-sr"}}),
    "a strength that is none": lambda g: g.update(tasks={"edit": {"kind": "editing", "method": "sdedit", "data": {"folder": "x"}, "strength": 2}}),
    "half of a pair": lambda g: g.update(tasks={"upscale": {"kind": "super-resolution", "data": {"low": "x"}}}),
    "an unknown fit": lambda g: g.update(tasks={"upscale": {"kind": "super-resolution", "data": {"folder": "x", "fit": "squeeze"}}}),
    "an unknown key of a protocol": lambda g: g.update(metrics=[{"fid": {"protocol": {"replicats": 20}}}]),
}
for name, spoil in faults.items():
    grid = copy.deepcopy(sound)
    spoil(grid)
    assert list(validator.iter_errors(grid)), f"the schema accepts {name}"

# Whole grids: those that the program runs its own tests with, and the wrong ones.
documented = [
    yaml.safe_load(block)
    for block in (root / "docs/grid.md").read_text().split("```yaml\n")[1:]
    for block in [block.split("```")[0]]
    if block.startswith("name:")
]
assert len(documented) >= 2, "docs/grid.md shows a whole grid, and one with tasks"
for grid in documented:
    errors = [error.message for error in validator.iter_errors(grid)]
    assert not errors, f"docs/grid.md, {grid['name']}: {errors}"

# Only the program sees these: names of files and axes, effects of options, the size of the product.
BEYOND_A_SCHEMA = {
    "bad_condition", "bad_range", "excludes_everything", "huge_expansion", "huge_range", "include_unknown_axis",
    "missing_model", "option_without_effect", "duplicated_key"}
wrong = sorted((root / "tests/golden/grids").glob("*.yaml"))
assert wrong
for path in wrong:
    try:
        grid = yaml.safe_load(path.read_text())
    except yaml.YAMLError:
        continue
    assert path.stem in BEYOND_A_SCHEMA or list(validator.iter_errors(grid)), f"the schema accepts {path.name}"

print(f"{len(grids)} grids accepted, {len(faults)} faults refused")
