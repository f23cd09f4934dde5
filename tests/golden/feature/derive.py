#!/usr/bin/env python3
"""An own, small reading of manifests and OEMInputs, to judge imaging/feature by: writes the golden files from pairs.txt.

Knows only what the shared workspace uses (BasePackages, layouts, platforms, Features/OEM). Run it with the folder of the
golden files; then look at every difference against the manifest by eye before it is committed.
"""
import pathlib
import sys
import xml.parsers.expat

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parents[1] / "data" / "iot-workspace"
NAMES = {"%PKGBLD_DIR%": "pkgs", "%BSPPKG_DIR%": "bsp", "%MSPKG_DIR%": "kit", "%OEM_NAME%": "Contoso"}


class Node:
    def __init__(self, name, attributes, line, column):
        self.name, self.attributes, self.line, self.column = name, attributes, line, column
        self.children, self.text = [], ""

    def all(self, *path):
        if not path:
            return [self]
        return [found for child in self.children if child.name == path[0] for found in child.all(*path[1:])]

    def word(self, *path):
        return self.all(*path)[0].text.strip()

    def place(self):
        return f"{self.line}:{self.column}"


def parse(path):
    parser = xml.parsers.expat.ParserCreate()
    stack = [Node("", {}, 0, 0)]

    def start(name, attributes):
        # Places are those of the name, behind the '<'; columns count from 1.
        node = Node(name, attributes, parser.CurrentLineNumber, parser.CurrentColumnNumber + 2)
        stack[-1].children.append(node)
        stack.append(node)

    def text(data):
        stack[-1].text += data

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda name: stack.pop()
    parser.CharacterDataHandler = text
    parser.Parse(path.read_bytes().removeprefix(b"\xef\xbb\xbf"), True)
    return stack[0].children[0]


def expand(text):
    for name, value in NAMES.items():
        text = text.replace(name, value)
    assert "%" not in text, text
    return text


def entries(manifest, oem_input):
    """(rank, section, selector, node) of what one manifest brings; document order inside of a rank comes of the line."""
    soc, device = oem_input.word("SOC").lower(), oem_input.word("Device").lower()
    selected = [node.text.strip().lower() for node in oem_input.all("Features", "OEM", "Feature")]
    for node in manifest.all("DeviceLayoutPackages", "PackageFile"):
        if node.attributes["SOC"].lower() == soc:
            yield 2, "DeviceLayoutPackages", node.attributes["SOC"], node
    for node in manifest.all("OEMDevicePlatformPackages", "PackageFile"):
        if node.attributes["Device"].lower() == device:
            yield 2, "OEMDevicePlatformPackages", node.attributes["Device"], node
    for node in manifest.all("BasePackages", "PackageFile"):
        yield 3, "BasePackages", "", node
    for node in manifest.all("Features", "OEM", "PackageFile"):
        ids = [one.text.strip() for one in node.all("FeatureIDs", "FeatureID")]
        mine = [one for one in ids if one.lower() in selected]
        if mine:
            yield 4, "Features/OEM", mine[0], node


def golden(line):
    _, cpu, input_path, *manifests = line.split()
    oem_input = parse(DATA / input_path)
    found = []
    for number, path in enumerate(manifests):
        manifest = parse(DATA / path)
        for rank, section, selector, node in entries(manifest, oem_input):
            found.append((rank, number, node.line, pathlib.Path(path).name, section, selector, node))
    found.sort(key=lambda one: one[:3])
    packages = {}
    for _, _, _, name, section, selector, node in found:
        cab, folder = expand(node.attributes["Name"]), expand(node.attributes["Path"])
        reason = " ".join(word for word in (f"{name}:{node.place()}", section, selector) if word)
        packages.setdefault((cab, folder), []).append(reason)
    assert len({cab.lower() for cab, _ in packages}) == len(packages)
    rows = [f"{cab} {folder} {' + '.join(reasons)}" for (cab, folder), reasons in packages.items()]
    text = [f"{input_path} ({cpu})", f"release {oem_input.word('ReleaseType')}, SOC {oem_input.word('SOC')}, "
            f"device {oem_input.word('Device')}"]
    for what, section in (("layout", "DeviceLayoutPackages"), ("platform", "OEMDevicePlatformPackages")):
        text.append(what + " " + " ".join(cab for (cab, _), reasons in packages.items()
                                          if any(section in reason for reason in reasons)))
    features = oem_input.all("Features", "Microsoft", "Feature")
    text += ["", f"{len(rows)} packages"] + rows
    text += ["", f"{len(features)} features of Microsoft's that no manifest here defines"]
    text += [f"{node.text.strip()} {node.place()}" for node in features]
    return "\n".join(text) + "\n"


def main():
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    for line in (HERE / "pairs.txt").read_text().splitlines():
        if not line.startswith("#"):
            (out / f"{line.split()[0]}.txt").write_text(golden(line))


if __name__ == "__main__":
    main()
