"""Checks and unpacks wheels for Scripts/bootstrap.

    wheel.py check WHEEL SHA256                  exit 1 unless the file has that checksum
    wheel.py unpack WHEEL FOLDER cpu|cuda        LibTorch's headers and libraries into FOLDER/include and FOLDER/lib
    wheel.py unpack-cuda WHEEL FOLDER            everything under nvidia/ into FOLDER
    wheel.py unpack-file WHEEL NAME DESTINATION  the one file of that name, written beside its place and renamed
"""

import hashlib
import os
import shutil
import sys
import zipfile
from pathlib import Path, PurePosixPath

# What the bridge links and what those libraries load. The Python half of the wheel is of no use here.
CPU_LIBRARIES = {
    "libtorch_cpu.so", "libc10.so", "libgomp.so.1", "libgfortran.so.5", "libcudart.so.13", "libcupti.so.13",
}
CUDA_LIBRARIES = CPU_LIBRARIES | {
    "libtorch_cuda.so", "libtorch_cuda_linalg.so", "libtorch_nvshmem.so", "libc10_cuda.so",
}


def check(wheel, expected):
    digest = hashlib.sha256()
    with open(wheel, "rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
    if digest.hexdigest() != expected:
        sys.exit(f"bootstrap: {wheel} has sha256 {digest.hexdigest()}, expected {expected}")


def write(archive, entry, destination):
    destination.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as source, open(destination, "wb") as target:
        shutil.copyfileobj(source, target, 1 << 22)


def unpack(wheel, folder, libraries):
    """Headers of `torch` (none of the small runtime wheels') and the named libraries, whichever wheel they are in."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            path = PurePosixPath(entry.filename)
            if entry.is_dir():
                continue
            if path.parts[:2] == ("torch", "include"):
                write(archive, entry, Path(folder, *path.parts[1:]))
            elif path.name in libraries and path.parent.name == "lib":
                write(archive, entry, Path(folder, "lib", path.name))


def unpack_cuda(wheel, folder):
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            path = PurePosixPath(entry.filename)
            if not entry.is_dir() and path.parts[0] == "nvidia" and ".." not in path.parts:
                write(archive, entry, Path(folder, *path.parts[1:]))


def unpack_file(wheel, name, destination):
    with zipfile.ZipFile(wheel) as archive:
        entries = [entry for entry in archive.infolist() if PurePosixPath(entry.filename).name == name]
        if len(entries) != 1:
            sys.exit(f"bootstrap: {wheel} holds {len(entries)} files named {name}, expected one")
        destination = Path(destination)
        partial = destination.with_name(f".{destination.name}.{os.getpid()}")
        try:
            write(archive, entries[0], partial)
            os.replace(partial, destination)
        finally:
            partial.unlink(missing_ok=True)


def main(verb, *arguments):
    if verb == "check":
        check(*arguments)
    elif verb == "unpack":
        wheel, folder, parts = arguments
        unpack(wheel, folder, {"cpu": CPU_LIBRARIES, "cuda": CUDA_LIBRARIES}[parts])
    elif verb == "unpack-cuda":
        unpack_cuda(*arguments)
    elif verb == "unpack-file":
        unpack_file(*arguments)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
