#!/usr/bin/env python3
"""Promise 10 over the whole pipeline: the same workspace and the same SOURCE_DATE_EPOCH give the same bytes, on another
day and in another folder. The release build, since libfaketime and a sanitizer's allocator do not start together."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FLASHLINE = pathlib.Path(os.environ.get("FLASHLINE_BIN_DIR", ROOT / "build/bin")) / "flashline"
SHARED = ROOT / "tests/data/iot-workspace"
ENVIRONMENT = {**os.environ, "SOURCE_DATE_EPOCH": "1767225600", "TZ": "UTC"}


def run_on(day, *words):
    done = subprocess.run(["faketime", "-f", f"@{day}", FLASHLINE, *words], env=ENVIRONMENT, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(done.stdout + done.stderr)


def build_on(day, place, keys):
    workspace = place / "ws"
    shutil.copytree(SHARED / "iot-adk-addonkit/Workspace", workspace)
    shutil.copytree(SHARED / "iot-adk-addonkit-17134/Source-arm/BSP/Rpi2", workspace / "Source-arm/BSP/Rpi2", dirs_exist_ok=True)
    product = workspace / "Source-arm/Products/SampleA"
    (product / "oemcustomization.cmd").write_text("rem customized\n")
    image = ["image", "build", workspace, "--product", "SampleA", "--arch", "arm", "--stand-ins", "--out"]
    signing = ["--key", keys / "signer.key", "--cert", keys / "signer.pem"]
    run_on(day, *image, place / "A.ffu", *signing)
    run_on(day, *image, place / "unsigned.ffu")
    run_on(day, "provision", "build", product / "prov/customizations.xml", place / "A.ppkg", *signing)


def made(place):
    """Relative path -> content of all files, but for the builder's notes for its next run."""
    return {str(path.relative_to(place)): path.read_bytes() for path in sorted(place.rglob("*"))
            if path.is_file() and not path.is_symlink() and path.suffix != ".key"}


class TwoDays(unittest.TestCase):
    def test_two_days_and_two_folders_give_the_same_bytes(self):
        with tempfile.TemporaryDirectory(prefix="flashline-repeat-") as name:
            folder = pathlib.Path(name)
            subprocess.run([FLASHLINE, "keys", "make-test", folder / "keys"], check=True, capture_output=True)
            places = [folder / "one", folder / "another/folder/deeper"]
            for place, day in zip(places, ["2027-01-05 09:00:00", "2027-03-16 23:59:58"]):
                place.mkdir(parents=True)
                build_on(day, place, folder / "keys")
            first, second = map(made, places)
        self.assertEqual(sorted(first), sorted(second))
        self.assertEqual([path for path in first if first[path] != second[path]], [])
        kinds = [pathlib.Path(path).suffix for path in first]
        for suffix, least in {".ffu": 2, ".json": 2, ".html": 2, ".ppkg": 2, ".cat": 1, ".cab": 20}.items():
            self.assertGreaterEqual(kinds.count(suffix), least, suffix)


if __name__ == "__main__":
    unittest.main()
