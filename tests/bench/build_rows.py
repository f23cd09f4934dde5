"""Measurements of the image pipeline: builds of a workspace, their memory, cabinets."""
import os
import shutil
from statistics import median

from machine import BIN, MIB, ROOT, WORK, folder, measure

SHARED = ROOT / "tests/data/iot-workspace"
PACKAGE = """<identity xmlns="urn:Microsoft.CompPlat/ManifestSchema.v1.00" name="Large" namespace="Bench" owner="$(OEMNAME)"
 legacyName="$(OEMNAME).Bench.Large"><onecorePackageInfo targetPartition="MainOS" releaseType="Production" ownerType="OEM"/>
 <files>{files}</files></identity>
"""
MEMORY_GOAL_MIB = 300


def edit(path, before, after):
    text = path.read_text(encoding="utf-8-sig")
    if before not in text:
        raise RuntimeError(f"{path}: no {before}")
    path.write_text(text.replace(before, after), encoding="utf-8")


def make_workspace(place):
    """The Raspberry Pi of the shared data."""
    shutil.copytree(SHARED / "iot-adk-addonkit/Workspace", place)
    shutil.copytree(SHARED / "iot-adk-addonkit-17134/Source-arm/BSP/Rpi2", place / "Source-arm/BSP/Rpi2")
    (place / "Source-arm/Products/SampleA/oemcustomization.cmd").write_text("rem nothing\n")
    return place


def add_payload(workspace, mib, count=1):
    """A package with `count` files of altogether `mib` MiB for the Data partition; half of each cannot be packed."""
    package = workspace / "Common/Packages/Bench.Large"
    package.mkdir()
    rows = []
    for number in range(count):
        name = f"payload{number}.bin"
        with (package / name).open("wb") as out:
            for part in range(mib // count):
                out.write(os.urandom(MIB // 2) + f"line {number} {part}\n".encode().ljust(64) * (MIB // 128))
        rows.append(f'<file source="{name}" destinationDir="$(runtime.data)\\Bench"/>')
    (package / "Bench.Large.wm.xml").write_text(PACKAGE.format(files="".join(rows)))
    edit(workspace / "Common/Packages/OEMCommonFM.xml", "</BasePackages>",
         '<PackageFile Path="%PKGBLD_DIR%" Name="%OEM_NAME%.Bench.Large.cab"/></BasePackages>')


def image_build(workspace, out, signing=()):
    return {"flashline": [BIN / "flashline", "image", "build", workspace, "--product", "SampleA", "--arch", "arm", "--stand-ins",
                          "--out", out, *signing]}


def make_samples(place):
    """Our own workspace with its payload gathered, nothing of it built."""
    must(measure({"payload": [ROOT / "scripts/sample-payload", "x64"]}, 600, sample_memory=False))
    shutil.copytree(ROOT / "samples", place, ignore=shutil.ignore_patterns("Build", "App.Media"))
    return place


def samples_build(workspace, out, signing=()):
    return {"flashline": [BIN / "flashline", "image", "build", workspace, "--product", "Panel", "--config", "Test",
                          "--out", out, *signing]}


def must(run):
    if run.failed:
        raise RuntimeError(run.failed)
    return run


def rebuild(bench):
    """A real product and the shared Raspberry Pi of stand-ins, twice: nothing changed in between."""
    with folder(WORK / "builds"):
        keys = WORK / "builds/keys"
        must(measure({"keys": [BIN / "flashline", "keys", "make-test", keys]}, 60))
        signing = ["--key", keys / "signer.key", "--cert", keys / "signer.pem"]
        trusted = [*signing, "--trust-test", keys / "root.pem"]
        for what, make, build, options in (("QemuX64 of samples/, signed", make_samples, samples_build, trusted),
                                           ("stand-ins, unsigned", make_workspace, image_build, []),
                                           ("stand-ins, signed", make_workspace, image_build, signing)):
            first, second = [], []
            for turn in range(bench.repeats):
                workspace = make(WORK / "builds/workspace")
                command = build(workspace, WORK / "builds/image.ffu", options)
                first.append(must(measure(command, 600, sample_memory=False)).wall)
                second.append(must(measure(command, 600, sample_memory=False)).wall)
                shutil.rmtree(workspace)
            yield bench.row(f"image build, {what}: second time with nothing changed ÷ the first", median(second) / median(first),
                            0.1, f"{median(second):.3f} s ÷ {median(first):.3f} s")


def build_memory(bench):
    """An image with a data partition of more than 4 GiB, a gibibyte of it full."""
    mib = bench.scaled(1024, 16)
    with folder(WORK / "builds"):
        workspace = make_workspace(WORK / "builds/large")
        add_payload(workspace, mib, 2)
        edit(workspace / "Common/Packages/DeviceLayout.MBR4GB/OEMDevicePlatform.xml", "<MinSectorCount>7372800<",
             "<MinSectorCount>10485760<")
        run = must(measure(image_build(workspace, WORK / "builds/large.ffu"), 1800))
    yield bench.row(f"image of 5 GiB with {mib} MiB of data: memory of its build (peak PSS, programs it calls included)",
                    run.pss / MIB, MEMORY_GOAL_MIB, f"{run.wall:.1f} s, {run.cpu:.1f} CPU s", " MiB")


def pack(bench):
    """A package of 256 MiB, packed on one core and on all."""
    mib = bench.scaled(256, 16)
    with folder(WORK / "builds"):
        workspace = make_workspace(WORK / "builds/pack")
        add_payload(workspace, mib, 4)
        words = [BIN / "flashline", "package", "build", workspace / "Common/Packages/Bench.Large/Bench.Large.wm.xml",
                 "--arch", "arm", "--out", WORK / "builds"]
        one_core = ["taskset", "-c", "0", *words]
        runs = bench.interleave({"one core": {"flashline": one_core}, "all cores": {"flashline": words}}, 600)
    wall = {name: median(run.wall for run in each) for name, each in runs.items()}
    yield bench.row(f"cabinet of {mib} MiB: wall on {os.cpu_count()} cores ÷ on one", wall["all cores"] / wall["one core"], 0.6,
                    f"{wall['all cores']:.2f} s ÷ {wall['one core']:.2f} s")


ROWS = {"rebuild": rebuild, "build-memory": build_memory, "pack": pack}
