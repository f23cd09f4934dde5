#!/usr/bin/env python3
"""The house's own rules, read off the sources: who may include whom, one code per error, documents that are true."""
import pathlib
import re
import subprocess
import unittest
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROOMS = ["imaging/core", "imaging", "station-config", "transport", "flasher", "tests"]
MAY_INCLUDE = {
    "imaging/core": {"imaging/core"},
    "imaging": {"imaging/core", "imaging"},
    "station-config": {"imaging/core", "station-config"},
    "transport": {"imaging/core", "transport"},
    "flasher": {"imaging/core", "imaging", "station-config", "transport", "flasher"},
    "tests": set(ROOMS),
}
# Third-party headers: the rooms whose .cpp files may include them, and whether their headers may too.
THIRD_PARTY = {
    "openssl/": ({"imaging/core", "imaging"}, False),
    "pugixml.hpp": ({"imaging/core", "imaging"}, False),
    "libfdisk/": ({"imaging"}, False),
    "archive": ({"imaging"}, False),
    "wimlib.h": ({"imaging"}, False),
    "ext2fs/": ({"imaging"}, False),
    "libgcab.h": ({"imaging"}, False),
    "mspack.h": ({"imaging"}, False),
    "liburing.h": ({"transport"}, False),
    "libudev.h": ({"transport"}, False),
    "libusb-1.0/": ({"transport"}, False),
    "boost/beast": ({"flasher"}, False),
    "boost/json": ({"flasher"}, False),
    "soci/": ({"flasher"}, False),
    "sqlite3.h": ({"flasher"}, False),
    "xxhash.h": ({"flasher"}, False),
    "boost/asio": ({"transport", "flasher"}, True),
    "spdlog/fmt": ({"imaging", "station-config", "transport", "flasher"}, False),
    "spdlog/": ({"flasher"}, True),
}
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.MULTILINE)


def sources():
    for room in ("imaging", "station-config", "transport", "flasher", "tests"):
        for path in sorted((ROOT / room).rglob("*")):
            if path.suffix in (".h", ".cpp") and "node_modules" not in path.parts:
                yield path.relative_to(ROOT)


def room_of(path):
    text = str(path)
    return next((room for room in ROOMS if text.startswith(room + "/")), None)


def includes(path):
    return INCLUDE.findall((ROOT / path).read_text())


def lines_of(path):
    return len((ROOT / path).read_text().splitlines())


class Rooms(unittest.TestCase):
    def test_own_includes_follow_the_table(self):
        wrong = [f"{path} includes {name}" for path in sources() for kind, name in includes(path)
                 if kind == '"' and room_of(name) not in MAY_INCLUDE[room_of(path)]]
        self.assertEqual(wrong, [])

    def test_third_party_headers_stay_in_their_room(self):
        wrong = []
        for path in sources():
            room = room_of(path)
            if room == "tests":
                continue
            for kind, name in includes(path):
                rule = next((rule for prefix, rule in THIRD_PARTY.items() if kind == "<" and name.startswith(prefix)), None)
                if rule and (room not in rule[0] or (path.suffix == ".h" and not rule[1])):
                    wrong.append(f"{path} includes {name}")
        self.assertEqual(wrong, [])

    def test_beast_and_soci_live_behind_one_file_each(self):
        for prefix in ("boost/beast", "soci/"):
            files = {str(path) for path in sources() if room_of(path) != "tests"
                     for kind, name in includes(path) if name.startswith(prefix)}
            self.assertLessEqual(len(files), 1, f"{prefix}: {sorted(files)}")

    def test_files_are_one_thing(self):
        self.assertEqual([str(path) for path in sources() if lines_of(path) > 600], [])


class ErrorCodes(unittest.TestCase):
    tables = sorted((ROOT / "imaging/core/errors").glob("*.def"))
    text = "\n".join(path.read_text() for path in tables)
    rows = re.findall(r'^FL_ERROR\((\w+),\s*"([^"]+)",\s*"((?:[^"\\]|\\.)*)"\)', text, re.MULTILINE)

    def test_each_row_is_understood(self):
        self.assertEqual(len(self.rows), len(re.findall(r"^FL_ERROR\(", self.text, re.MULTILINE)))

    def test_each_table_is_one_area_and_is_in_the_whole(self):
        whole = (ROOT / "imaging/core/error.cpp").read_text()
        for path in self.tables:
            self.assertLessEqual(len(set(re.findall(r'^FL_ERROR\(\w+,\s*"(FL-[A-Z]{3})', path.read_text(), re.MULTILINE))), 1, path)
            self.assertIn(f'#include "imaging/core/errors/{path.name}"', whole)

    def test_codes_and_names_are_unique_and_well_formed(self):
        codes = [code for _, code, _ in self.rows]
        self.assertEqual(len(codes), len(set(codes)))
        self.assertEqual(len(codes), len({name for name, _, _ in self.rows}))
        self.assertEqual([code for code in codes if not re.fullmatch(r"FL-[A-Z]{3}-\d{3}", code)], [])

    def test_every_code_advises(self):
        self.assertEqual([code for _, code, advice in self.rows if not advice], [])

    def test_every_code_is_raised_somewhere(self):
        text = "\n".join((ROOT / path).read_text() for path in sources() if room_of(path) != "tests")
        self.assertEqual([name for name, _, _ in self.rows if not re.search(rf"errc::{name}\b", text)], [])

    def test_the_documented_table_is_this_one(self):
        made = subprocess.run([ROOT / "scripts/error-table"], capture_output=True, text=True, check=True).stdout
        self.assertEqual((ROOT / "docs/errors.md").read_text(), made, "run: scripts/error-table > docs/errors.md")


class UdevRules(unittest.TestCase):
    text = (ROOT / "udev/60-flashline.rules").read_text()
    rules = [line for line in text.splitlines() if line and not line.startswith("#")]

    def test_the_ids_are_those_of_the_board_profiles(self):
        spoken_to = set()
        for path in (ROOT / "station-config/boards").glob("*.xml"):
            for stage in xml.etree.ElementTree.parse(path).getroot().findall("stage"):
                if stage.get("protocol") != "mass-storage":  # the kernel's own driver speaks to those
                    spoken_to |= {(usb.get("vendor"), usb.get("product")) for usb in stage.findall("usb")}
        allowed = set()
        for line in self.rules:
            found = re.search(r'ATTR\{idVendor\}=="(\w+)", ATTR\{idProduct\}=="([\w|]+)", GROUP="flashline"', line)
            if found:
                allowed |= {(found[1], product) for product in found[2].split("|")}
        self.assertEqual(allowed, spoken_to)

    def test_each_line_is_a_rule(self):
        # `udevadm verify` knows better, where there is one (systemd 254).
        part = r'[A-Z]+(\{[^{}"]+\})?(==|!=|\+=|-=|:=|=)"[^"]*"'
        self.assertEqual([line for line in self.rules if not re.fullmatch(rf"{part}(, {part})*", line)], [])

    def test_each_jump_has_its_label(self):
        labels = re.findall(r'LABEL="(\w+)"', self.text)
        self.assertEqual(len(labels), len(set(labels)))
        self.assertEqual(set(re.findall(r'GOTO="(\w+)"', self.text)), set(labels))


class Machine(unittest.TestCase):
    def test_no_tracked_file_names_a_path_of_one_machine(self):
        found = subprocess.run(["git", "grep", "-nIE", r"(^|[^A-Za-z0-9_.])/(work|root|home/[a-z]+)/", "--", ".",
                                ":!tests/house/house_test.py"], cwd=ROOT, capture_output=True, text=True).stdout
        self.assertEqual(found, "")


if __name__ == "__main__":
    unittest.main(verbosity=1)
