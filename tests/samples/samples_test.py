#!/usr/bin/env python3
"""The workspace samples/ as a new user builds it: a Test image boots and runs its apps; a Retail image is made of what is
signed for retail only. Judges: QEMU, sfdisk, mtools, fsck.fat, e2fsck, debugfs."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM, DAEMON = (pathlib.Path(os.environ.get("FLASHLINE_BIN", ROOT / "build/bin")) / name for name in ("flashline", "flashlined"))
RECIPE = """<?xml version="1.0" encoding="UTF-8"?>
<recipe name="sample board">
  <identity><serial pattern="FL-{n:6}" first="42"/></identity>
  <overlay><file partition="EFIESP" path="/flashline/identity.env">SERIAL=${serial}&#10;</file></overlay>
</recipe>
"""


def run(*command, station=""):
    return subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300,
                          env={**os.environ, "LC_ALL": "C.UTF-8", "FLASHLINE_STATION": station})


def flashline(*arguments):
    return run(PROGRAM, *arguments)


def partitions(image):
    """(first byte, bytes) of each, and what kind of table it is."""
    table = json.loads(run("sfdisk", "--json", image).stdout)["partitiontable"]
    unit = table.get("sectorsize", 512)
    return [(row["start"] * unit, row["size"] * unit) for row in table["partitions"]], table["label"]


class Samples(unittest.TestCase):
    """Each class has a workspace of its own: what one builds another does not find."""
    arch = "x64"

    @classmethod
    def setUpClass(cls):
        gathered = run("scripts/sample-payload", cls.arch)
        assert gathered.returncode == 0, gathered.stderr
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="flashline-samples-"))
        cls.workspace = cls.folder / "samples"
        shutil.copytree(ROOT / "samples", cls.workspace, ignore=shutil.ignore_patterns("Build", "App.Media"))
        cls.test_keys = cls.folder / "test"
        assert flashline("keys", "make-test", cls.test_keys).returncode == 0
        cls.prepare()

    @classmethod
    def prepare(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    @classmethod
    def build(cls, product, config, out, keys=None):
        keys = keys or cls.test_keys
        return flashline("image", "build", cls.workspace, "--product", product, "--config", config, "--out", out,
                         "--key", keys / "signer.key", "--cert", keys / "signer.pem", "--trust-test", cls.test_keys / "root.pem")

    def cut(self, image, number):
        at, size = partitions(image)[0][number]
        part = self.folder / "partition"
        part.unlink(missing_ok=True)
        with open(part, "wb") as out:
            out.truncate(size)
        run("dd", f"if={image}", f"of={part}", "bs=1M", "iflag=skip_bytes,count_bytes", f"skip={at}", f"count={size}", "conv=sparse,notrunc")
        return part

    def assert_sound(self, image):
        for number, judge in enumerate((["fsck.fat", "-n"], ["e2fsck", "-fn"], ["e2fsck", "-fn"])):
            judged = run(*judge, self.cut(image, number))
            self.assertEqual(judged.returncode, 0, judged.stdout + judged.stderr)

    def assert_boots_as(self, board, serial):
        booted = run("scripts/boot-board", board)
        self.assertEqual(booted.returncode, 0, booted.stdout + booted.stderr)
        for line in (f"SERIAL={serial}", f"agent runs in the background for unit {serial}", "kiosk shows its page in the foreground"):
            self.assertIn(f"board: {line}\n", booted.stdout)


class TestImage(Samples):
    @classmethod
    def prepare(cls):
        cls.image = cls.folder / "panel.ffu"
        cls.built = cls.build("Panel", "Test", cls.image)
        cls.board = cls.folder / "board.img"
        with open(cls.board, "wb") as card:
            card.truncate(2 << 30)
        (cls.folder / "recipe.xml").write_text(RECIPE)
        (cls.folder / "units.csv").write_text("serial\nFL-000042\n")
        cls.flashed = flashline("flash", cls.image, cls.board, "--fit-gpt", "--trust", cls.test_keys / "root.pem", "--recipe", cls.folder / "recipe.xml",
                                "--units", cls.folder / "units.csv")

    def test_it_builds_without_a_warning(self):
        self.assertEqual((self.built.returncode, self.built.stderr), (0, ""))

    def test_a_board_boots_runs_its_apps_and_knows_its_name(self):
        self.assertEqual(self.flashed.returncode, 0, self.flashed.stdout + self.flashed.stderr)
        self.assert_boots_as(self.board, "FL-000042")

    def test_its_file_systems_are_sound(self):
        self.assertEqual(partitions(self.board)[1], "gpt")
        self.assert_sound(self.board)

    def test_the_second_time_nothing_is_built(self):
        before = self.image.stat().st_mtime_ns
        again = self.build("Panel", "Test", self.image)
        self.assertIn("nothing changed", again.stdout)
        self.assertEqual(self.image.stat().st_mtime_ns, before)

    def test_missing_payload_is_a_list_of_one_line_each(self):
        other = self.folder / "bare"
        shutil.copytree(self.workspace, other, ignore=shutil.ignore_patterns("Build", "payload"))
        built = flashline("image", "build", other, "--product", "Panel", "--config", "Test", "--out", self.folder / "bare.ffu")
        self.assertEqual(built.returncode, 3)
        lines = built.stderr.splitlines()
        self.assertRegex(lines[0], r"^error\[FL-BLD-028\]: 3 missing:$")
        self.assertEqual([re.match(r"  (\S+)\.cab ", line).group(1) for line in lines[1:-1]],
                         ["Flashline.Linux.Base", "Flashline.QemuX64.Boot", "Flashline.QemuX64.Kernel"])
        self.assertTrue(lines[-1].startswith("deliver them"))


def make_retail_keys(folder):
    """A root and a signer as a company's own authority would issue them: nothing says that they are for tests."""
    folder.mkdir()
    key, root, request, signer = (folder / name for name in ("root.key", "root.pem", "signer.csr", "signer.pem"))
    (folder / "signer.ext").write_text("extendedKeyUsage=codeSigning\nkeyUsage=digitalSignature\n")
    for command in (
            ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=Panel Works Root", "-keyout", key, "-out", root],
            ["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Panel Works Signer", "-keyout", folder / "signer.key", "-out", request],
            ["x509", "-req", "-days", "3650", "-in", request, "-CA", root, "-CAkey", key, "-CAcreateserial", "-extfile", folder / "signer.ext",
             "-out", signer]):
        made = run("openssl", *command)
        assert made.returncode == 0, made.stderr
    return folder


@contextlib.contextmanager
def production_station(folder, anchor, test_anchor):
    """A station that is for shipping, with one slot, board.img; gives what `run` needs so that a command talks to it."""
    (folder / "recipe.xml").write_text(RECIPE)
    (folder / "station.xml").write_text(f"""<station name="retail line" mode="production">
  <paths state="state" cache="cache" logs="logs" images="."/>
  <listen port="0" socket="flashlined.sock"/>
  <trust><anchor file="{anchor}"/><anchor file="{test_anchor}" release="test"/></trust>
  <slots><slot name="1" row="1" column="1"><file path="board.img" size="832MiB"/></slot></slots>
</station>
""")
    with open(folder / "station.log", "w") as log:
        station = subprocess.Popen([DAEMON, "--config", folder / "station.xml"], stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert "http://" in station.stdout.readline(), (folder / "station.log").read_text()
        yield {"station": f"unix:{folder}/flashlined.sock"}
    finally:
        station.terminate()
        station.wait()
        station.stdout.close()


class RetailImage(Samples):
    """The board's packages come as cabinets, as from a vendor: signed for tests until `flashline sign` was there."""
    @classmethod
    def prepare(cls):
        cls.retail_keys = make_retail_keys(cls.folder / "retail")
        built = flashline("package", "build", "--all", cls.workspace, "--arch", "x64", "--key", cls.test_keys / "signer.key", "--cert",
                          cls.test_keys / "signer.pem")
        assert built.returncode == 0, built.stdout + built.stderr
        cls.delivered = cls.workspace / "Build/amd64/pkgs"
        for definition in (cls.workspace / "Source-x64/BSP/QemuX64/Packages").glob("*/*.wm.xml"):
            definition.unlink()

    def test_it_is_built_when_all_packages_are_signed_for_retail(self):
        image = self.folder / "retail.ffu"
        refused = self.build("Panel", "Retail", image, self.retail_keys)
        self.assertEqual(refused.returncode, 4, refused.stdout + refused.stderr)
        self.assertIn("error[FL-TRU-081]", refused.stderr)
        for name in ("Boot", "Kernel", "DeviceLayout"):
            self.assertRegex(refused.stderr, rf"'Flashline\.QemuX64\.{name}\.cab' is signed with a test certificate")
        self.assertNotRegex(refused.stderr, r"Linux\.Base\.cab' is", "it was built here, and signed for retail at once")
        self.assertFalse(image.exists())

        signed = flashline("sign", *sorted(self.delivered.glob("Flashline.QemuX64.*.cab")), "--key", self.retail_keys / "signer.key",
                           "--cert", self.retail_keys / "signer.pem")
        self.assertEqual(signed.returncode, 0, signed.stderr)
        built = self.build("Panel", "Retail", image, self.retail_keys)
        self.assertEqual((built.returncode, built.stderr), (0, ""))
        report = json.loads(pathlib.Path(f"{image}.json").read_text())
        self.assertTrue(report["shippable"])
        self.assertNotIn("Flashline.Linux.Shell.cab", json.dumps(report), "developers' tools stay out")

        test_image = self.folder / "test.ffu"
        self.assertEqual(self.build("Panel", "Test", test_image).returncode, 0)
        with production_station(self.folder, self.retail_keys / "root.pem", self.test_keys / "root.pem") as station:
            asked = run(PROGRAM, "batch", "create", test_image, "--recipe", self.folder / "recipe.xml", "--quantity", "1", **station)
            self.assertIn("FL-TRU-", asked.stderr, "a Test image has no business there")
            self.assertEqual(asked.returncode, 4)
            passed = run(PROGRAM, "batch", "create", image, "--recipe", self.folder / "recipe.xml", "--quantity", "1", "--wait", **station)
            self.assertEqual(passed.returncode, 0, passed.stdout + passed.stderr)
        self.assert_boots_as(self.folder / "board.img", "FL-000042")

    def test_all_of_it_signed_for_tests_is_refused(self):
        refused = self.build("Panel", "Retail", self.folder / "refused.ffu")
        self.assertEqual(refused.returncode, 4)
        self.assertRegex(refused.stderr, r"Flashline\.Linux\.Base\.cab' is signed with a test certificate")


class RaspberryPi(Samples):
    arch = "arm64"

    @classmethod
    def prepare(cls):
        cls.image = cls.folder / "pi.ffu"
        cls.built = cls.build("PanelPi", "Test", cls.image)
        cls.disk = cls.folder / "pi.img"
        cls.extracted = flashline("image", "extract", cls.image, cls.disk, "--trust", cls.test_keys / "root.pem")

    def test_it_builds_without_a_warning(self):
        self.assertEqual((self.built.returncode, self.built.stderr), (0, ""))
        self.assertEqual(self.extracted.returncode, 0, self.extracted.stderr)

    def test_its_firmware_finds_what_it_looks_for(self):
        places, label = partitions(self.disk)
        self.assertEqual(label, "dos")
        listed = run("mdir", "-b", "-i", f"{self.disk}@@{places[0][0]}", "::/").stdout.split()
        for name in ("start4.elf", "fixup4.dat", "config.txt", "cmdline.txt", "bcm2711-rpi-4-b.dtb", "vmlinuz", "initrd.img"):
            self.assertIn(f"::/{name}", listed)
        config = run("mtype", "-i", f"{self.disk}@@{places[0][0]}", "::/config.txt").stdout
        for name in re.findall(r"^(?:kernel|device_tree)=(\S+)|^initramfs (\S+)", config, re.M):
            self.assertIn(f"::/{''.join(name)}", listed)

    def test_its_file_systems_are_sound_and_hold_programs_for_arm64(self):
        self.assert_sound(self.disk)
        root = self.cut(self.disk, 1)
        program = self.folder / "systemd"
        run("debugfs", "-R", f"dump /usr/lib/systemd/systemd {program}", root)
        self.assertEqual(program.read_bytes()[:20][-2:], b"\xb7\x00", "EM_AARCH64")


if __name__ == "__main__":
    unittest.main()
