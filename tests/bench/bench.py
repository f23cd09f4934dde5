#!/usr/bin/env python3
"""bench: measures the hot path against its limits and its peers, and prints a table. See scripts/bench --help."""
import argparse
import os
import pathlib
import platform
import signal
import subprocess
import sys
import time

from machine import ROOT, WORK
from rows import ROWS, Bench

HEAD = """# Measured

Made by `scripts/bench --write`. Every number is a median of interleaved runs on one machine in one sitting; compare ratios,
not seconds. A ratio is smaller the better; the goals are those of the issue that asked for the hot path.

"""


def machine_line():
    model = next((line.split(":")[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    load = os.getloadavg()[0]
    return (f"{os.cpu_count()} × {model}, Linux {platform.release()}, commit {commit.stdout.strip()}, "
            f"{time.strftime('%Y-%m-%d')}; load before the first run {load:.1f}")


def table(rows):
    lines = ["| what | goal | measured | of medians | verdict |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        goal = "–" if row.goal is None else f"≤ {row.goal:g}{row.unit}"
        digits = 0 if row.unit == " MiB" else 3
        lines.append(f"| {row.name} | {goal} | {row.value:.{digits}f}{row.unit} | {row.detail} | {row.verdict()} |")
    return "\n".join(lines) + "\n"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default=",".join(ROWS), help=f"some of {','.join(ROWS)}")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each tool (default 3)")
    parser.add_argument("--quick", action="store_true", help="small images: shows that the bench works, not how fast we are")
    parser.add_argument("--write", action="store_true", help="put the table into docs/bench.md")
    options = parser.parse_args()
    unknown = [name for name in options.rows.split(",") if name not in ROWS]
    if unknown:
        parser.error(f"no row is named {', '.join(unknown)}; there are {', '.join(ROWS)}")
    if options.write and options.quick:
        parser.error("--quick measures nothing worth writing down")
    return options


def main():
    options = arguments()
    if os.geteuid() != 0:
        print("bench: loop devices and FUSE mounts need root", file=sys.stderr)
        return 2
    # Ended by a signal, loop devices and mounts are still given back.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    WORK.mkdir(parents=True, exist_ok=True)
    where, bench, rows, failed = machine_line(), Bench(options.repeat, options.quick), [], False
    for name in options.rows.split(","):
        print(f"{name}: {ROWS[name].__doc__}", flush=True)
        try:
            for row in ROWS[name](bench):
                rows.append(row)
                print(f"  {row.name}: {row.value:.3f}{row.unit} {row.verdict()}", flush=True)
        except (RuntimeError, OSError) as error:
            failed = True
            bench.notes.append(f"row {name} could not be measured: {error}")
    text = table(rows) + "".join(f"\n{note}\n" for note in bench.notes) + f"\n{where}; {options.repeat} runs each.\n"
    print("\n" + text)
    if options.write:
        (ROOT / "docs/bench.md").write_text(HEAD + text)
    return 1 if failed or any(row.verdict().startswith("missed") for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
