"""What the measurements stand on: images, cards, loop devices, and processes whose time and memory are counted."""
import json
import os
import pathlib
import random
import subprocess
import threading
import time
from contextlib import contextmanager, ExitStack

MIB = 1 << 20
SECTOR = 512
ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build/bench"
BIN = ROOT / "build/bin"


def tool(*command, **options):
    """Runs a helper that must work; gives what it printed."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]}: {done.stdout.strip()}")
    return done.stdout


def memory_available():
    for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def image(mib):
    """A GPT image without a hole: random bytes, so that no tool gains by skipping or compressing."""
    path = WORK / f"image-{mib}.img"
    if path.exists() and path.stat().st_size == mib * MIB:
        return path
    source = random.Random(mib)
    with path.open("wb") as out:
        for _ in range(mib):
            out.write(source.randbytes(MIB))
    last = mib * MIB // SECTOR - 2048
    tool("sgdisk", "--zap-all", path)
    tool("sgdisk", "-n", f"1:2048:{last}", "-c", "1:data", path)
    return path


def file_tree(where, mib):
    """A folder as a root file system has it: many small files, few large ones; returns its sha256sum lines' file too."""
    source, done, count = random.Random(mib), 0, 0
    while done < mib * MIB:
        kind = source.random()
        size = source.randrange(200, 8000) if kind < 0.7 else source.randrange(8000, 100_000) if kind < 0.994 \
            else source.randrange(MIB, 12 * MIB)
        path = where / f"tree/usr/lib/d{count % 180}/file{count}.so"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.randbytes(size))
        done, count = done + size, count + 1
    tool("sh", "-c", "find . -type f -print0 | xargs -0 sha256sum > ../sums", cwd=where / "tree")
    return where / "tree", where / "sums"


class Run:
    """One measured run: seconds from the start to the end of the last process, CPU seconds of all of them with their
    children, peak PSS in bytes, and when each target was done."""

    def __init__(self):
        self.wall = self.cpu = 0.0
        self.pss = 0
        self.ends = {}
        self.lines = []
        self.failed = ""


def pss_of(pids):
    total = 0
    for pid in pids:
        try:
            for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        except OSError:
            pass  # it has ended
    return total


def with_children(pids):
    found, queue = [], list(pids)
    while queue:
        pid = queue.pop()
        found.append(pid)
        try:
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                queue += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            pass
    return found


def measure(commands, timeout, sample_memory=True):
    """Runs the commands together. `commands`: {name: words}; a line of JSON that a process prints with "target" in it says
    that this target is done."""
    run, start, running, ended = Run(), time.monotonic(), {}, threading.Event()

    def read_lines(stream):
        for text in stream:
            try:
                line = json.loads(text)
            except ValueError:
                continue
            run.lines.append(line)
            if isinstance(line, dict) and "target" in line:
                run.ends[line["target"]] = time.monotonic() - start
                if not line.get("ok", True):
                    run.failed = str(line.get("error"))

    def sample():
        while not ended.wait(0.05):
            run.pss = max(run.pss, pss_of(with_children(running)))

    readers = []
    for name, words in commands.items():
        process = subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   cwd=WORK)
        running[process.pid] = (name, process)
        readers.append(threading.Thread(target=read_lines, args=(process.stdout,)))
        readers[-1].start()
    sampler = threading.Thread(target=sample)
    if sample_memory:
        sampler.start()
    # Standard error is only read at the end: the tools here say little, far less than a pipe holds.
    killer = threading.Timer(timeout, lambda: [process.kill() for _, process in list(running.values())])
    killer.start()
    try:
        while running:
            pid, status, usage = os.wait4(-1, 0)
            if pid not in running:
                continue
            name, process = running.pop(pid)
            process.returncode = os.waitstatus_to_exitcode(status)
            run.ends.setdefault(name, time.monotonic() - start)
            run.cpu += usage.ru_utime + usage.ru_stime
            if process.returncode != 0:
                run.failed = run.failed or f"{name}: exit code {process.returncode}: {process.stderr.read().strip()[-300:]}"
            process.stderr.close()
    finally:
        for _, process in running.values():
            process.kill()
            process.wait()
        killer.cancel()
        ended.set()
    run.wall = time.monotonic() - start
    for thread in readers + ([sampler] if sample_memory else []):
        thread.join()
    return run


@contextmanager
def folder(path):
    """An empty folder that is gone afterwards."""
    tool("rm", "-rf", path)
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        tool("rm", "-rf", path)


@contextmanager
def plain_files(where, count, size):
    """Files with every block allocated, so that the first run pays no more than the others."""
    with folder(where):
        paths = [where / f"target-{i}" for i in range(count)]
        zeros = bytes(MIB)
        for path in paths:
            with path.open("wb") as out:
                for _ in range(size // MIB):
                    out.write(zeros)
        tool("sync", "-f", where)
        yield paths


@contextmanager
def loop_devices(paths):
    with ExitStack() as stack:
        devices = []
        for path in paths:
            device = tool("losetup", "--direct-io=on", "--find", "--show", path).strip()
            stack.callback(tool, "losetup", "--detach", device)
            if (pathlib.Path("/sys/class/block") / pathlib.Path(device).name / "loop/dio").read_text().strip() != "1":
                raise RuntimeError(f"{path} does not take direct I/O")
            devices.append(device)
        yield devices


class Cards:
    """Throttled cards by cards_fs; `rates`: bytes per second that each writes. Reading is twice as fast."""

    def __init__(self, rates, size, stall_every=0, stall_ms=0, source=None):
        self.rates, self.size, self.stall_every, self.stall_ms, self.source = rates, size, stall_every, stall_ms, source
        self.mount = WORK / "cards"
        self.backing = pathlib.Path("/dev/shm/flashline-bench-cards")
        self.stack = ExitStack()

    def __enter__(self):
        try:
            self.stack.enter_context(folder(self.backing))
            self.stack.enter_context(folder(self.mount))
            words = [BIN / "cards_fs", self.mount, "--backing", self.backing, "--size", self.size,
                     "--stall-every", self.stall_every, "--stall-ms", self.stall_ms]
            for i, rate in enumerate(self.rates):
                words += ["--card", f"card-{i}:{rate}:{rate * 2}"]
            if self.source:
                words += ["--source", self.source]
            self.process = subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, text=True)
            self.stack.callback(self.stop)
            if self.process.stdout.readline() != "ready\n":
                raise RuntimeError("cards_fs did not start")
            files = [self.mount / f"card-{i}" for i in range(len(self.rates))]
            self.devices = self.stack.enter_context(loop_devices(files))
        except BaseException:
            self.stack.close()
            raise
        return self

    def __exit__(self, *_):
        self.stack.close()

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.process.stdout.close()

    def stats(self):
        return json.loads((self.mount / "stats").read_text())

    def own_time(self, rate, count, verify):
        """Seconds that a card of this rate needs for `count` bytes, whatever writes them."""
        stalls = count // self.stall_every * self.stall_ms / 1000 if self.stall_every else 0
        return count / rate + stalls + (count / (rate * 2) if verify else 0)
