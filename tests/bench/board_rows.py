"""Measurements of boards on USB ports: many from their boot ROM at once, and a station that has nothing to do."""
import os
import pathlib
import signal
import subprocess
import time
from statistics import median

from machine import BIN, folder, image, measure

SHM = pathlib.Path("/dev/shm/flashline-bench-station")
BOARDS = 32
BOARD_RATE = 4_000_000  # 32 of them are what four hub trees of 40 MB/s carry
CONTROLLER = "pci0000:00/0000:00:14.0"
TICKS = os.sysconf("SC_CLK_TCK")


def boards_run(source, count):
    run = measure({"flashline": [BIN / "flash_boards", source, str(count), str(BOARD_RATE)]}, 900, sample_memory=False)
    if run.failed:
        raise RuntimeError(run.failed)
    return [line for line in run.lines if "target" in line]


def boards(bench):
    """32 Raspberry Pis from their boot ROM to verified storage, each as fast as its share of the bus, against one alone."""
    source = image(bench.scaled(24, 2))
    alone, together, added = [], [], []
    for _ in range(bench.repeats):
        alone += [line["seconds"] for line in boards_run(source, 1)]
        lines = boards_run(source, BOARDS)
        together.append(max(line["seconds"] for line in lines))
        added.append(max(line["bring_up"] for line in lines))
    yield bench.row(f"{BOARDS} boards through rpiboot onto storage ({BOARD_RATE / 1e6:.0f} MB/s each), write + verify: the slowest "
                    "÷ one alone", median(together) / median(alone), 1.05, f"{median(together):.2f} s ÷ {median(alone):.2f} s")
    yield bench.row(f"the same: what bring-up adds to the slowest of {BOARDS} boards that answer at once (4 MB boot image)",
                    median(added), 1.0, f"{bench.repeats} runs", " s")


class UsbMachine:
    """Folders that look like /sys of a machine with card readers on four hubs, as tests/fakes/fake_usb_tree.h makes them."""

    def __init__(self, place):
        self.place, self.devices = place, place / f"sys/devices/{CONTROLLER}/usb1"
        for inner in ("proc/self", "sys/bus/usb/devices", "sys/class/block", "sys/dev/block", "sys/bus/pci", "dev", "run/udev/data"):
            (place / inner).mkdir(parents=True)
        self.write(place / "proc/self/mountinfo", "")
        self.write(place / "proc/swaps", "Filename Type Size Used Priority")
        self.write(place / "run/udev/control", "")
        (place / f"sys/devices/{CONTROLLER}").mkdir(parents=True)
        (place / f"sys/devices/{CONTROLLER}/subsystem").symlink_to(place / "sys/bus/pci")
        self.device(self.devices, "usb1", "0", 1, "09")
        for hub in range(1, 5):
            self.device(self.devices / f"1-{hub}", f"1-{hub}", str(hub), 1 + hub, "09")

    @staticmethod
    def write(file, text):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")

    def device(self, where, name, chain, address, class_code):
        for file, text in (("busnum", "1"), ("devpath", chain), ("devnum", address), ("bDeviceClass", class_code), ("speed", "480"),
                           ("idVendor", "058f"), ("idProduct", "6366"), ("manufacturer", "Generic"), ("product", "Reader"),
                           ("serial", f"{address:012}")):
            self.write(where / file, text)
        (self.place / "sys/bus/usb/devices" / name).symlink_to(where)

    def reader(self, number):
        """With a card in it, polled by the kernel."""
        hub, port = 1 + number // 8, 1 + number % 8
        name, disk, minor = f"1-{hub}.{port}", f"sd{chr(ord('b') + number % 24)}{number // 24}", 16 * (number + 1)
        where = self.devices / f"1-{hub}/{name}"
        self.device(where, name, f"{hub}.{port}", 10 + number, "00")
        self.write(where / f"{name}:1.0/bInterfaceClass", "08")
        scsi = where / f"{name}:1.0/host6/target6:0:0/6:0:0:0"
        block = scsi / f"block/{disk}"
        for file, text in (("dev", f"8:{minor}"), ("ro", 0), ("removable", 1), ("queue/logical_block_size", 512), ("size", 65536),
                           ("diskseq", number + 1), ("events_poll_msecs", 2000), ("uevent", f"MAJOR=8\nDEVNAME={disk}\nDEVTYPE=disk")):
            self.write(block / file, text)
        self.write(scsi / "type", "0")
        (block / "device").symlink_to(scsi)
        (self.place / "sys/class/block" / disk).symlink_to(block)
        (self.place / "sys/dev/block" / f"8:{minor}").symlink_to(block)
        self.write(self.place / "dev" / disk, "")
        self.write(self.place / f"run/udev/data/b8:{minor}", "")


def station(place, readers):
    machine = UsbMachine(place / "machine")
    for number in range(readers):
        machine.reader(number)
    slots = "".join(f'<slot name="{n + 1}" row="{1 + n // 8}" column="{1 + n % 8}">'
                    f'<port path="pci-0000:00:14.0/{1 + n // 8}.{1 + n % 8}" board="Card"/></slot>' for n in range(BOARDS))
    (place / "station.xml").write_text('<station name="idle" mode="test"><paths images="."/><listen port="0"/>'
                                       f'<trust allow-unsigned="true"/><slots>{slots}</slots></station>')


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def idle_share(place, seconds):
    """Percent of a core that the daemon takes while nothing happens."""
    words = [str(BIN / "flashlined"), "--config", str(place / "station.xml"), "--machine", str(place / "machine")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as daemon:
        try:
            if not daemon.stdout.readline().startswith("flashlined: listening"):
                raise RuntimeError("flashlined did not start")
            time.sleep(2)  # what a start costs is none of this
            before, begun = cpu_seconds(daemon.pid), time.monotonic()
            time.sleep(seconds)
            return (cpu_seconds(daemon.pid) - before) / (time.monotonic() - begun) * 100
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(30)


def idle(bench):
    """A station with 32 slots on ports and no work."""
    seconds = bench.scaled(60, 10)
    for what, readers in (("empty", 0), ("with a reader and a card each", BOARDS)):
        with folder(SHM):
            station(SHM, readers)
            shares = [idle_share(SHM, seconds) for _ in range(1 if bench.quick else bench.repeats)]
        yield bench.row(f"idle station, {BOARDS} slots on ports, {what}: share of a core", median(shares), 1.0,
                        f"{seconds} s each", " %")


ROWS = {"boards": boards, "idle": idle}
