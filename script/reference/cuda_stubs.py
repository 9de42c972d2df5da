"""Empty stand-ins for the CUDA libraries that a PyTorch wheel names, so that `import torch` works on a machine
without a GPU and without 2.5 GB of CUDA wheels. CPU tensors never call into them.

    cuda_stubs.py TORCH_LIB_FOLDER OUT_FOLDER

Reads which libraries and symbols libtorch_cuda.so and its neighbours ask for and no present library gives, and
builds one shared library a name with these symbols in it, each of which aborts when it is called.
"""
import pathlib
import re
import subprocess
import sys


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def needed(library):
    return re.findall(r"\(NEEDED\).*\[(.*?)\]", output("readelf", "-d", library))


def symbols(library, kind):
    """(name, version or '') of the dynamic symbols: kind is --undefined-only or --defined-only."""
    for line in output("nm", "-D", kind, library).splitlines():
        name = line.split()[-1]
        bare, _, version = name.partition("@")
        yield bare, version.lstrip("@"), line.split()[-2]


def main():
    torch_lib, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    asking = [torch_lib / name for name in ("libtorch_cuda.so", "libtorch_python.so", "libtorch_nvshmem.so",
                                            "libc10_cuda.so", "libtorch_cuda_linalg.so") if (torch_lib / name).exists()]
    site = torch_lib.parent.parent
    present = {path.name: path for path in list(torch_lib.glob("*.so*")) + list(site.glob("nvidia/*/lib/*.so*"))}
    system = re.compile(r"^(libc|libm|libdl|librt|libpthread|libgcc_s|libstdc\+\+|ld-linux.*|libgomp)\.so")
    missing = sorted({name for library in asking for name in needed(library)
                      if name not in present and not system.match(name)})
    given = {name for path in present.values() for name, _, _ in symbols(path, "--defined-only")}
    versions_of = {}  # version tag -> library that must define it
    for library in asking:
        current = None
        for line in output("readelf", "-V", "-W", library).splitlines():
            if match := re.search(r"File: (\S+)", line):
                current = match.group(1)
            elif (match := re.search(r"Name: (\S+)", line)) and current:
                versions_of[match.group(1)] = current
    wanted = {name: {} for name in missing}
    for library in asking:
        for name, version, kind in symbols(library, "--undefined-only"):
            if kind in "wv" or name in given:
                continue
            home = versions_of.get(version)
            if home in wanted:
                wanted[home][name] = version
            elif not version and re.match(r"^(cu|nv|nccl|_Z.*nvshmem)", name):
                wanted[missing[-1]][name] = ""
    for library, names in wanted.items():
        source = out / "stub.c"
        script = out / "stub.map"
        source.write_text("#include <stdlib.h>\n" + "".join(f"void {name}(void) {{ abort(); }}\n" for name in names))
        tags = sorted({version for version in names.values() if version})
        script.write_text("".join(
            tag + " { global: " + " ".join(f"{name};" for name, v in sorted(names.items()) if v == tag) + " };\n"
            for tag in tags) or "{ global: *; };\n")
        subprocess.run(["cc", "-shared", "-fPIC", "-w", "-o", out / library, source, f"-Wl,-soname,{library}",
                        f"-Wl,--version-script={script}"], check=True)
        source.unlink()
        script.unlink()
    print(f"{len(wanted)} stand-ins in {out}")


main()
