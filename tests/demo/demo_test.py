#!/usr/bin/env python3
"""The demo as a new user runs it, and its boards before independent judges: sgdisk, fsck.fat, e2fsck, mtools, QEMU."""
import json
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEMO = ROOT / "build/demo"
BOARDS = range(1, 9)
MIB = 1 << 20
ESP, MAIN_OS, DATA = range(3)  # partitions, in the order of the sample board's layout


def board(n):
    return DEMO / f"board-{n}.img"


def run(*command):
    return subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def partitions(image):
    """(first byte, bytes) of each."""
    table = json.loads(run("sfdisk", "--json", image).stdout)["partitiontable"]
    return [(row["start"] * table["sectorsize"], row["size"] * table["sectorsize"]) for row in table["partitions"]]


def identity(n):
    text = run("mtype", "-i", f"{board(n)}@@{partitions(board(n))[ESP][0]}", "::/flashline/identity.env").stdout
    return dict(line.split("=", 1) for line in text.split())


def esp_files(image):
    """Every file of the image's ESP with its bytes."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mcopy", "-s", "-n", "-i", f"{image}@@{partitions(image)[ESP][0]}", "::/", folder], check=True, capture_output=True)
        return {str(path.relative_to(folder)): path.read_bytes() for path in pathlib.Path(folder).rglob("*") if path.is_file()}


class Demo(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ran = run("scripts/demo", "--once")

    def test_it_ends_with_eight_passed(self):
        self.assertEqual(self.ran.returncode, 0, self.ran.stdout[-3000:] + self.ran.stderr[-3000:])
        self.assertEqual(self.ran.stdout.rstrip("\n").splitlines()[-1], "8 passed, 0 failed")

    def test_it_prints_a_line_a_unit_and_the_address_of_the_page(self):
        self.assertRegex(self.ran.stdout, r"operator page: http://127\.0\.0\.1:\d+/")
        for n in BOARDS:
            self.assertIn(identity(n)["SERIAL"], self.ran.stdout)

    def test_partition_tables_are_sound(self):
        for n in BOARDS:
            self.assertIn("No problems found", run("sgdisk", "-v", board(n)).stdout, f"board {n}")

    def test_file_systems_are_sound(self):
        with tempfile.NamedTemporaryFile() as part:
            for n in BOARDS:
                places = partitions(board(n))
                for part_of, judge in ((ESP, ["fsck.fat", "-n"]), (MAIN_OS, ["e2fsck", "-fn"]), (DATA, ["e2fsck", "-fn"])):
                    at, size = places[part_of]
                    run("dd", f"if={board(n)}", f"of={part.name}", "bs=1M", f"skip={at // MIB}", f"count={size // MIB}", "conv=sparse")
                    judged = run(*judge, part.name)
                    self.assertEqual(judged.returncode, 0, f"board {n}: {judged.stdout}{judged.stderr}")
                    pathlib.Path(part.name).write_bytes(b"")

    def test_identities_are_eight_different_ones(self):
        found = [identity(n) for n in BOARDS]
        self.assertEqual(len({each["SERIAL"] for each in found}), 8)
        self.assertEqual(len({each[mac] for each in found for mac in ("MAC0", "MAC1")}), 16)

    def test_everything_else_is_the_image(self):
        image = DEMO / "image.img"
        extracted = run("build/bin/flashline", "image", "extract", "build/samples/Signage.ffu", image, "--trust", "build/samples/keys/root.pem")
        self.assertEqual(extracted.returncode, 0, extracted.stderr)
        original = esp_files(image)
        places = partitions(image)
        behind = sum(places[ESP])
        for n in BOARDS:
            for first, length in ((0, places[ESP][0]), (behind, image.stat().st_size - behind)):
                same = run("cmp", f"--ignore-initial={first}", f"--bytes={length}", image, board(n))
                self.assertEqual(same.returncode, 0, f"board {n}: {same.stdout}")
            files = esp_files(board(n))
            files.pop("flashline/identity.env")
            self.assertEqual(files.keys(), original.keys())
            self.assertEqual([name for name in files if files[name] != original[name]], [], f"board {n}")

    def test_records_name_every_unit_and_the_failure(self):
        records = [json.loads(line) for line in (DEMO / "records.jsonl").read_text().splitlines()]
        text = json.dumps(records)
        for n in BOARDS:
            self.assertIn(identity(n)["SERIAL"], text)
        self.assertRegex(text, r"FL-DEV-\d{3}", "slot 5 failed its first write, and the record says so")

    def test_a_board_boots_and_reads_its_serial_off_its_own_disk(self):
        booted = run("scripts/demo", "--boot", "3")
        self.assertEqual(booted.returncode, 0, booted.stdout + booted.stderr)
        serial = identity(3)["SERIAL"]
        self.assertEqual(re.findall(r"^board: SERIAL=(\S+)", booted.stdout, re.M), [serial])
        self.assertIn(f"board: agent runs in the background for unit {serial}\n", booted.stdout)
        self.assertIn("board: data partition holds 9 files\n", booted.stdout)


if __name__ == "__main__":
    unittest.main()
