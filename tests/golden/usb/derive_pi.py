#!/usr/bin/env python3
"""Writes the wire logs that the boot of a Pi must give, from the protocol as observed with the vendor's host tool.

Nothing here is shared with the program: it is the second opinion. The vendor's tool is no package, so these logs stand
in its place. The sections are those of the protocol's description: interfaces and endpoints 1.2, the two primitives
put() and get() 1.3, the boot ROM 1.4, the file server 1.5, metadata 1.6."""
import hashlib
import pathlib

HERE = pathlib.Path(__file__).parent


def content(size, seed):
    return bytes((i * 31 + i // 251 + seed) & 0xFF for i in range(size))


def shown(data):
    if len(data) > 8 and all(each == 10 or 32 <= each < 127 for each in data):
        return f"[{len(data)}] " + data.decode().replace("\n", "\\n")
    text = f"[{len(data)}]" + "".join(f" {each:02x}" for each in data[:36])
    return text if len(data) <= 36 else f"{text} ... sha256 {hashlib.sha256(data).hexdigest()[:16]}"


def announce(size):
    return f"control 40 00 {size & 0xFFFF:04x} {size >> 16:04x} [0]\n"


def put(endpoint, data):
    pieces = [data[at:at + 16384] for at in range(0, len(data), 16384)]
    return announce(len(data)) + "".join(f"out {endpoint} {shown(piece)}\n" for piece in pieces)


def get(size, data):
    return f"control c0 00 {size & 0xFFFF:04x} {size >> 16:04x} {shown(data)}\n"


def ask(command, name):
    return get(260, command.to_bytes(4, "little") + name.encode().ljust(256, b"\0"))


def rom(endpoint, second_stage, signature=b""):
    message = len(second_stage).to_bytes(4, "little") + signature.ljust(20, b"\0")
    return put(endpoint, message) + put(endpoint, second_stage) + get(4, bytes(4)) + "leaves\n"


def served(endpoint, name, data):
    return ask(0, name) + announce(len(data)) + ask(1, name) + put(endpoint, data)


def cm4_files():
    log = served(1, "mcb.bin", content(1000, 1))
    log += served(1, "memsys00.bin", content(2000, 2))
    for number in range(1, 9):
        log += ask(0, f"memsys0{number}.bin") + announce(0)
    log += served(1, "bootmain", content(70000, 3))
    log += served(1, "config.txt", b"boot_ramdisk=1\nuart_2ndstage=1\n")
    return log + served(1, "boot.img", content(300000, 4)) + ask(2, "") + "leaves\n"


def metadata():
    log = ""
    for name in ("*USER_SERIAL_NUM*a1b2c3d4", "*MAC_ADDR*DC:A6:32:01:02:03", "*EEPROM_UPDATE*success",
                 "*CUSTOMER_KEY_HASH*0000000000000000", "*FACTORY_UUID*4b1f3a2c_19e65d0a_0_77777777"):
        log += ask(1, name) + announce(0)
    return log + ask(0, "") + announce(0) + "leaves\n"


def pi3_files():
    """A BCM2837 with two interfaces: everything goes to the second one. A name may lie in a folder; what is not there
    has length 0 whether its size or itself is asked for (sections 1.2 and 1.5)."""
    log = served(3, "config.txt", b"boot_ramdisk=1\nuart_2ndstage=1\n")
    log += ask(0, "overlays/none.dtbo") + announce(0) + ask(1, "boot.sig") + announce(0)
    log += ask(1, "boot.img") + put(3, content(300000, 4))
    return log + ask(0, "") + announce(0) + "leaves\n"


def cm5_files():
    """A BCM2712 under secure boot wants the image's signature after it; the end is a command (section 1.5)."""
    log = served(1, "config.txt", b"boot_ramdisk=1\nuart_2ndstage=1\n")
    log += served(1, "boot.img", content(300000, 4)) + ask(0, "boot.sig") + announce(0)
    return log + ask(2, "") + "leaves\n"


for name, log in (("pi-rom-2711", rom(1, content(105984, 9))),
                  ("pi-rom-2764-two-interfaces-signed", rom(3, content(50000, 8), bytes(range(100, 120)))),
                  ("pi-rom-2764", rom(1, content(52000, 6))),
                  ("pi-rom-2712", rom(1, content(98304, 7))),
                  ("pi-files-2711", cm4_files()),
                  ("pi-files-2764-two-interfaces", pi3_files()),
                  ("pi-files-2712", cm5_files()),
                  ("pi-metadata-2711", metadata())):
    (HERE / f"{name}.txt").write_text(log)
