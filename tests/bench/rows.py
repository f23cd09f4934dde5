"""The measurements of the table, each as interleaved runs of all tools concerned."""
import pathlib
from statistics import median

import board_rows
import build_rows
import peers
from machine import MIB, Cards, WORK, file_tree, folder, image, loop_devices, measure, memory_available, plain_files

CARD_RATE = 20_000_000
STALL_EVERY, STALL_MS = 32 * MIB, 300
MEMORY_GOAL = 128 * MIB
SHM = pathlib.Path("/dev/shm/flashline-bench")


class Row:
    """One line of the table. `value` is a ratio unless `unit` says otherwise; `goal` is its upper limit."""

    def __init__(self, name, value, goal, detail, unit="×"):
        self.name, self.value, self.goal, self.detail, self.unit = name, value, goal, detail, unit

    def verdict(self):
        if self.goal is None:
            return ""
        if self.value <= self.goal:
            return "met"
        return f"missed by {(self.value / self.goal - 1) * 100:.1f} %"


class Bench:
    def __init__(self, repeats, quick):
        self.repeats, self.quick = repeats, quick
        self.notes = []
        self.peak_pss = {}

    @staticmethod
    def row(*facts):
        return Row(*facts)

    def scaled(self, mib, quick_mib):
        return quick_mib if self.quick else mib

    def interleave(self, tools, timeout, check=None):
        """{name: [Run, ...]} of `tools`, {name: commands}; one run of each in turn."""
        runs = {name: [] for name in tools}
        for turn in range(self.repeats):
            for name, commands in tools.items():
                run = measure(commands, timeout)
                if run.failed:
                    raise RuntimeError(f"{name}: {run.failed}")
                if check and turn == 0:
                    check(name)
                print(f"    {name}: {run.wall:.2f} s, {run.cpu:.2f} CPU s, {run.pss / MIB:.0f} MiB", flush=True)
                runs[name].append(run)
        return runs

    def note_memory(self, what, runs):
        self.peak_pss[what] = max(run.pss for run in runs)

    def same_as(self, source, paths):
        def check(name):
            size = source.stat().st_size
            for path in (paths[0], paths[-1]):
                with source.open("rb") as a, path.open("rb") as b:
                    for _ in range(0, size, MIB):
                        if a.read(MIB) != b.read(MIB):
                            raise RuntimeError(f"{name} left something else on {path}")
        return check

    def cards(self):
        """16 throttled cards, write and verify, against the card's own time."""
        source = image(self.scaled(128, 16))
        size = source.stat().st_size
        with Cards([CARD_RATE] * 16, size, STALL_EVERY, STALL_MS) as cards:
            backing = [cards.backing / f"card-{i}" for i in range(16)]
            runs = self.interleave({"flashline": peers.flashline(source, cards.devices),
                                    "dd": peers.dd(source, cards.devices)}, 900, self.same_as(source, backing))
            own, own_write = (cards.own_time(CARD_RATE, size, verify) for verify in (True, False))
        self.note_memory("16 throttled cards", runs["flashline"])
        ours, dd = (median(run.wall for run in runs[name]) for name in ("flashline", "dd"))
        yield Row("16 throttled cards (20 MB/s, 300 ms stall every 32 MiB), write + verify: wall ÷ the card's own time",
                  ours / own, 1.03, f"{ours:.2f} s ÷ {own:.2f} s")
        yield Row("for comparison: 16 × dd, write only ÷ own", dd / own_write, None, f"{dd:.2f} s ÷ {own_write:.2f} s")

    def slow_card(self):
        """One card ten times slower than its seven neighbours."""
        fast, slow = (80_000_000, 8_000_000)
        source = image(self.scaled(1024, 64))
        size = source.stat().st_size
        with Cards([fast] * 7 + [slow], size) as cards:
            runs = self.interleave({"flashline": peers.flashline(source, cards.devices)}, 3600)["flashline"]
            own_fast, own_slow = (cards.own_time(rate, size, True) for rate in (fast, slow))
            last_fast = median(max(run.ends[device] for device in cards.devices[:7]) for run in runs)
            slow_end = median(run.ends[cards.devices[7]] for run in runs)
        self.note_memory("one slow card among eight", runs)
        where = f"{size // MIB} MiB, 80 and 8 MB/s, write + verify"
        yield Row(f"one card 10 × slower: the last of its seven neighbours ÷ own ({where})", last_fast / own_fast, 1.02,
                  f"{last_fast:.2f} s ÷ {own_fast:.2f} s")
        yield Row("one card 10 × slower: the slow one ÷ own", slow_end / own_slow, 1.02,
                  f"{slow_end:.2f} s ÷ {own_slow:.2f} s")

    def loops(self):
        """16 loop devices with direct I/O, write only; ours hashes the stream, dd hashes nothing."""
        source = image(self.scaled(256, 32))
        with plain_files(WORK / "loops", 16, source.stat().st_size) as files, loop_devices(files) as devices:
            runs = self.interleave({"flashline": peers.flashline(source, devices, verify=False),
                                    "dd": peers.dd(source, devices), "bmaptool": peers.bmaptool(source, devices)},
                                   900, self.same_as(source, files))
        wall = {name: median(run.wall for run in each) for name, each in runs.items()}
        cpu = {name: median(run.cpu for run in each) for name, each in runs.items()}
        yield Row("16 loop devices, direct I/O, stream hashed: wall ÷ 16 × dd", wall["flashline"] / wall["dd"], 1.0,
                  f"{wall['flashline']:.2f} s ÷ {wall['dd']:.2f} s")
        yield Row("the same: CPU ÷ 16 × dd", cpu["flashline"] / cpu["dd"], 0.5,
                  f"{cpu['flashline']:.2f} s ÷ {cpu['dd']:.2f} s")
        yield Row("for comparison: 16 × bmaptool, wall ÷ 16 × dd", wall["bmaptool"] / wall["dd"], None,
                  f"{wall['bmaptool']:.2f} s ÷ {wall['dd']:.2f} s, CPU {cpu['bmaptool']:.2f} s")

    def etcher(self):
        """16 files in tmpfs, verified, against etcher-sdk."""
        missing = peers.install_etcher()
        if missing:
            self.notes.append(f"etcher-sdk was not compared: {missing}")
            return
        mib = self.scaled(1024, 64)
        while 17 * mib * MIB > memory_available() * 0.8 and mib > 64:
            mib //= 2
        if mib < self.scaled(1024, 64):
            self.notes.append(f"etcher-sdk was compared with an image of {mib} MiB: there was no memory for 1 GiB × 16")
        source = image(mib)
        with plain_files(SHM, 16, mib * MIB) as files:
            runs = self.interleave({"flashline": peers.flashline(source, files), "etcher": peers.etcher(source, files)},
                                   1800, self.same_as(source, files))
        self.note_memory(f"16 files in tmpfs, {mib} MiB", runs["flashline"])
        wall = {name: median(run.wall for run in each) for name, each in runs.items()}
        cpu = {name: median(run.cpu for run in each) for name, each in runs.items()}
        where = f"verified, tmpfs, N = 16, {mib} MiB"
        yield Row(f"{where}: wall ÷ etcher-sdk", wall["flashline"] / wall["etcher"], 0.5,
                  f"{wall['flashline']:.2f} s ÷ {wall['etcher']:.2f} s")
        yield Row(f"{where}: CPU ÷ etcher-sdk", cpu["flashline"] / cpu["etcher"], 0.5,
                  f"{cpu['flashline']:.2f} s ÷ {cpu['etcher']:.2f} s")

    def memory(self):
        """Peak PSS with verify, whatever the number of slots; the other rows add theirs."""
        source = image(self.scaled(512, 64))
        for count in (1, 2, 4, 8, 16):
            with plain_files(WORK / "files", count, source.stat().st_size) as files:
                runs = self.interleave({"flashline": peers.flashline(source, files)}, 900)
            self.note_memory(f"N = {count}", runs["flashline"])
        worst = max(self.peak_pss, key=self.peak_pss.get)
        each = ", ".join(f"{what}: {pss / MIB:.0f}" for what, pss in self.peak_pss.items())
        yield Row("memory (peak PSS, verify on)", self.peak_pss[worst] / MIB, MEMORY_GOAL / MIB, each, " MiB")

    def source_reads(self):
        """Bytes read from the image, counted by the file system that serves it uncached."""
        source = image(self.scaled(256, 32))
        size = source.stat().st_size
        ratios, hashed = [], []
        for _ in range(self.repeats):
            with Cards([], size, source=source) as cards, plain_files(WORK / "files", 16, size) as files:
                run = measure(peers.flashline(cards.mount / "source", files), 900)
                if run.failed:
                    raise RuntimeError(run.failed)
                ratios.append(cards.stats()["source"]["read"] / size)
                hashed.append(run.lines[-1].get("bytes_hashed", 0) / size)
        yield Row("bytes read from the image, N = 16 in step ÷ its size", median(ratios), 1.005,
                  f"its tables are looked at beforehand; hashed {median(hashed):.3f} ×")

    def ext4(self):
        """A 1 GiB ext4 filled from a 540 MiB tree in tmpfs, against mke2fs -d."""
        content, mib = self.scaled(540, 20), self.scaled(1024, 64)
        with folder(SHM):
            tree, sums = file_tree(SHM, content)
            runs = self.interleave({"mke2fs": peers.mke2fs(tree, SHM / "peer.img", mib),
                                    "flashline": peers.fill_ext4(tree, SHM / "ours.img", mib),
                                    "hashed": peers.fill_ext4(tree, SHM / "hashed.img", mib, sums)}, 600)
        wall = {name: median(run.wall for run in each) for name, each in runs.items()}
        for name, goal, what in (("flashline", 1.2, "contents copied"), ("hashed", 1.4, "every content's SHA-256 checked")):
            yield Row(f"{mib} MiB ext4 of a {content} MiB tree, {what}: wall ÷ mke2fs -d", wall[name] / wall["mke2fs"], goal,
                      f"{wall[name]:.2f} s ÷ {wall['mke2fs']:.2f} s")
        yield Row(f"{mib} MiB ext4: memory (peak PSS)", max(run.pss for run in runs["hashed"]) / MIB, 300, "of its maker",
                  " MiB")


ROWS = {"cards": Bench.cards, "slow-card": Bench.slow_card, "loops": Bench.loops, "etcher": Bench.etcher,
        "memory": Bench.memory, "source-reads": Bench.source_reads, "ext4": Bench.ext4, **build_rows.ROWS, **board_rows.ROWS}
