"""The tools that are compared, as command lines for measure()."""
import json
import subprocess

from machine import BIN, ROOT, WORK

ETCHER = {"private": True, "dependencies": {"etcher-sdk": "10.2.15"},
          # Its only dependency that comes from git instead of the registry; on no path that is measured.
          "overrides": {"unbzip2-stream": "1.4.3"}}


def flashline(image, targets, verify=True, options=()):
    words = [BIN / "flash_many", image, *targets, *options]
    return {"flashline": words + ([] if verify else ["--no-verify"])}


def dd(image, targets):
    return {str(target): ["dd", f"if={image}", f"of={target}", "bs=1M", "oflag=direct", "conv=fsync", "status=none"]
            for target in targets}


def bmaptool(image, targets):
    return {str(target): ["bmaptool", "--quiet", "copy", "--nobmap", image, target] for target in targets}


def fill_ext4(tree, out, mib, sums=None):
    return {"fill_ext4": [BIN / "fill_ext4", tree, out, mib] + ([sums] if sums else [])}


def mke2fs(tree, out, mib):
    return {"mke2fs": ["sh", "-c", 'rm -f "$2"; exec mke2fs -q -t ext4 -d "$1" "$2" "$3"', "sh", tree, out, f"{mib}M"]}


def etcher(image, targets, verify=True):
    return {"etcher": ["node", ROOT / "tests/bench/etcher.js", "verify" if verify else "write", image, *targets]}


def install_etcher():
    """Empty when etcher-sdk can be used, else why not."""
    if (WORK / "node_modules/etcher-sdk/package.json").exists():
        return ""
    (WORK / "package.json").write_text(json.dumps(ETCHER, indent=2))
    try:
        done = subprocess.run(["npm", "install", "--no-audit", "--no-fund"], cwd=WORK, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=900, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"npm install: {error}"
    return "" if done.returncode == 0 else "npm install: " + done.stdout.strip().splitlines()[-1]
