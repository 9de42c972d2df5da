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
}
for name, spoil in faults.items():
    grid = copy.deepcopy(sound)
    spoil(grid)
    assert list(validator.iter_errors(grid)), f"the schema accepts {name}"
print(f"{len(grids)} grids accepted, {len(faults)} faults refused")
