"""Types what a page says: runs its blocks of ```sh in one shell, in order, in a folder of its own, beside files that are
small. A block after a comment "<!-- not run: WHY -->" is left out.

    run_page.py PAGE BIN GOLDEN_MODELS MAKE_REFERENCE

Each page has below what must be there before it is read, what is made smaller, and what must hold afterwards.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

import numpy as np
import torch
from PIL import Image

page, programs, golden, make_reference = (pathlib.Path(word).resolve() for word in sys.argv[1:5])


class Extractor(torch.nn.Module):
    """As NVIDIA's Inception is called: uint8 [B, 3, H, W] to features, here eight."""

    def __init__(self):
        super().__init__()
        self.convolution = torch.nn.Conv2d(3, 8, 5, stride=2)

    def forward(self, pictures: torch.Tensor, return_features: bool = False) -> torch.Tensor:
        x = pictures.to(torch.float32) / 127.5 - 1
        return torch.tanh(self.convolution(x)).mean(dim=[2, 3])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def prepare_gpu_server(folder):
    for name in ("sd1", "sd2", "bk-tiny"):
        shutil.copytree(golden / name, folder / "models" / name, ignore=shutil.ignore_patterns("golden"))
    shutil.copytree(golden / "clip", folder / "clip", ignore=shutil.ignore_patterns("golden"))
    torch.manual_seed(0)
    torch.jit.script(Extractor().eval()).save(str(folder / "inception.pt"))
    coco = folder / "coco"
    (coco / "annotations").mkdir(parents=True)
    (coco / "val2014").mkdir()
    images, annotations = [], []
    rng = np.random.default_rng(0)
    for i in range(24):
        name = f"COCO_val2014_{i:012}.jpg"
        Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(coco / "val2014" / name)
        images.append({"id": i, "file_name": name})
        annotations += [{"id": 10 * i + k, "image_id": i, "caption": f"picture {i} as {k} saw it "} for k in range(2)]
    text = json.dumps({"images": images, "annotations": annotations})
    (coco / "annotations" / "captions_val2014.json").write_text(text)


def check_gpu_server(folder, output):
    table = (folder / "out" / "cells.csv").read_text().splitlines()
    assert len(table) == 1 + 3 * 2 * 2 * 2, f"{len(table)} lines"
    assert (folder / "out" / "report.html").exists()


def prepare_cluster(folder):
    shutil.copytree(golden / "bk-tiny", folder / "models" / "bk-tiny", ignore=shutil.ignore_patterns("golden"))
    shutil.copytree(golden / "clip", folder / "clip", ignore=shutil.ignore_patterns("golden"))
    (folder / "prompts.jsonl").write_text('{"prompt": "a photo of a cat"}\n{"prompt": "a photo of a dog"}\n')
    (folder / "study.yaml").write_text(
        "name: study\naxes: {model: models/bk-tiny, sampler: ddim, steps: [2, 3], guidance: 3}\n"
        "prompts: {file: prompts.jsonl}\nimages: 16\ngroup_size: 8\nunit_images: 8\n"
        "metrics:\n  - clip_score: {extractor: clip}\n")
    # A scheduler that starts two of the tasks on this machine, and what starts a task's own on four GPUs.
    (folder / "bin").mkdir()
    for name, script in (
            ("sbatch", "for task in ${TASKS:-1 2}; do SLURM_ARRAY_TASK_ID=$task bash \"${@: -1}\" > task-$task.log 2>&1 &\n"
                       "  echo $! >> tasks\ndone\n"),
            ("srun", "[ \"$1 $2\" = '--ntasks=4 --gpus-per-task=1' ] || exit 9\nshift 2\n"
                     "for rank in 0 1 2 3; do SLURM_PROCID=$rank \"$@\" & done\nwait\n")):
        (folder / "bin" / name).write_text("#!/bin/bash\n" + script)
        (folder / "bin" / name).chmod(0o755)


def check_cluster(folder, output):
    cells = (folder / "report" / "cells.csv").read_text().splitlines()
    assert len(cells) == 3, cells
    logs = [(folder / f"task-{task}.log").read_text() for task in (1, 2)]
    # Both came in by their keys, and left by themselves when there was no more work.
    for log in logs:
        assert "attached to the coordinator" in log and "no work for 10 s" in log, logs
    # The last job with four GPUs has the last four keys, and each worker a folder of its own.
    log = (folder / "task-16.log").read_text()
    assert log.count("attached to the coordinator") == 4 and log.count("no work for 10 s") == 4, log
    states = sorted(int(state.name) for state in (folder / "state").iterdir())
    assert states == [1, 2, 61, 62, 63, 64], states


link, http = free_port(), free_port()
PAGES = {
    "gpu-server.md": (prepare_gpu_server, check_gpu_server, "", {
        "(512, 512)": "(32, 32)", "steps: [4, 6, 10, 20, 50]": "steps: [2, 3]", "guidance: [2, 4, 7.5]": "guidance: [2, 4]",
        "images: 5000": "images: 16\ngroup_size: 8", "ddim:leading:4": "ddim:leading:2"}),
    "cluster.md": (prepare_cluster, check_cluster,
                   "TASKS=16 ISOCOST_HOST=127.0.0.1 sbatch --export=ALL nodes.sbatch\n"
                   "for task in $(cat tasks); do while kill -0 $task 2>/dev/null; do sleep 0.2; done; done\n", {
        "0.0.0.0:7700": f"127.0.0.1:{link}", ":7700": f":{link}", "$(hostname)": "127.0.0.1", "--idle 600": "--idle 10",
        "/var/tmp/study.db": f"db/study.db --http http://127.0.0.1:{http}",
        "> coordinator.log 2>&1 &": "> coordinator.log 2>&1 &\nuntil isocost status >/dev/null 2>&1; do sleep 0.2; done"}),
}


def blocks(text):
    found = re.findall(r"(<!-- not run: [^>]+ -->\n)?```sh\n(.*?)```", text, re.S)
    assert found, "the page has no block of sh"
    return [code for skipped, code in found if not skipped]


prepare, check, ending, replaced = PAGES[page.name]
script = "set -euo pipefail\n" + "\n".join(blocks(page.read_text())) + "\n" + ending
for before, after in replaced.items():
    assert before in script, f"{page.name}: '{before}' is no more in the page"
    script = script.replace(before, after)
script = script.replace(f"report --db db/study.db --http http://127.0.0.1:{http}", "report --db db/study.db")
with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    (folder / "db").mkdir()
    prepare(folder)
    # The programs as they are installed.
    (folder / "prefix" / "bin").mkdir(parents=True)
    for program in ("isocost", "isocost-worker"):
        (folder / "prefix" / "bin" / program).symlink_to(programs / program)
    (folder / "prefix/share/isocost/script/reference").mkdir(parents=True)
    (folder / "prefix/share/isocost/script/reference/make_reference.py").symlink_to(make_reference)
    python = folder / "prefix" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    paths = [folder / "bin", folder / "prefix" / "bin", os.environ["PATH"]]
    environment = os.environ | {"PATH": ":".join(map(str, paths)), "ISOCOST_COORDINATOR": f"http://127.0.0.1:{http}",
                                "XDG_STATE_HOME": str(folder / "state-home")}
    with open(folder / "said", "w+") as said:
        shell = subprocess.Popen(["bash", "-c", script], cwd=folder, env=environment, stdout=said, stderr=said,
                                 start_new_session=True)
        try:
            status = shell.wait(timeout=1200)
        finally:
            try:
                os.killpg(shell.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        said.seek(0)
        output = said.read()
    try:
        assert status == 0, f"exit {status}"
        check(folder, output)
    except Exception:
        print(output[-6000:])
        for log in folder.glob("*.log"):
            print(f"--- {log.name}\n{log.read_text()[-3000:]}")
        raise
